"""Requests of a client: parameters, signature, weight."""
