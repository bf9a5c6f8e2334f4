"""The money path under simulation: real services, fake ports, and everything that can go wrong at every port call."""
