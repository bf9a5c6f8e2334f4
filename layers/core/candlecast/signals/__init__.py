"""What senders really send, turned into one canonical signal: one file for each dialect, none of which knows of the others."""
