"""The author's kit: commands for people who write strategies. One module a command; numpy is loaded inside of the functions."""
