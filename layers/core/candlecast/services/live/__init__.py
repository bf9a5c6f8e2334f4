"""Use cases of live connections: issue a ticket, open, end."""
