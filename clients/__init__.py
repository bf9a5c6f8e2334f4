"""Clients of the HTTP API, generated from its description: Python for the wheel, TypeScript for pages (decision 0141)."""
