"""The use cases of the API, made of their ports: one module for each resource, hence more than a dozen."""
