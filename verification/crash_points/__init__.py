"""Every schedule of a few faults, enumerated: the real services on the real adapters over fakes beneath the SDKs.

An invocation is run again and again, each time with another choice of faults at the boundaries that the invocation reaches.
Worlds that are equal but for names and the hour are explored once, and the schedules that lead to them are counted.

One file for each part of the model (cloud, exchange, venue's book, visits, enumeration, replay), hence more than a dozen.
"""
