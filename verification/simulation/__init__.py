"""The money path under simulation: real services, fake ports, and everything that can go wrong at every port call.

Larger than a dozen because every actor has a module: people, exchange, queues, switches, and the judges of a run.
"""
