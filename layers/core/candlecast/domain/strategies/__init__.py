"""Strategies, their executions and their track records."""
