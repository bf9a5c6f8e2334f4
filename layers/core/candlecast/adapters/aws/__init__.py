"""Clients of AWS, and the services that need no room of their own: Secrets Manager, EventBridge, Lambda."""
