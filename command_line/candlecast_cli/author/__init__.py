"""The author's kit: commands for people who write strategies. One module a command; numpy is loaded inside of the functions.

Larger than a dozen because each command has a module, and so have the things that several share.
"""
