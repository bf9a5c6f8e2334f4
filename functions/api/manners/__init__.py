"""The manners of HTTP on every route: conditional requests, repeats that carry a key, rate limits (decision 0140)."""
