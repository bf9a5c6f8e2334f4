"""Create strategies and the sources of external ones."""
