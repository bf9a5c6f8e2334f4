"""Receive, publish and fan out signals."""
