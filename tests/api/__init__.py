"""Every route of the API. Larger than a dozen because each resource has a module, and so has each property of all routes."""
