"""Layers, tools and the ends of `make deploy`. Larger than a dozen because each tool has a module."""
