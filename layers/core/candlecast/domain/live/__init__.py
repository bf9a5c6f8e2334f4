"""Live connections of clients: topics, tickets, connections."""
