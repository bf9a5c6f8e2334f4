"""The money path under simulation: real services, fake ports, and every fault at every port call.

The world has one file for each of its parts (people, exchange, queues, pools, switches), hence more than a dozen.
"""
