"""Use cases, one a file. They know the domain and the ports, and nothing of AWS or an exchange."""
