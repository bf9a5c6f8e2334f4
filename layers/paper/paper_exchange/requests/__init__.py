"""What a client asks for: parameters, signature, weight."""
