"""The messages of senders, turned into one canonical signal: one file for each dialect, and no dialect knows of another."""
