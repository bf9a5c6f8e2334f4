"""Tell whether the dependencies answer."""
