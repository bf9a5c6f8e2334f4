"""Every schedule of a few faults, enumerated: the real services on the real adapters over fakes beneath the SDKs.

An invocation is run again and again, each time with another choice of what goes wrong at which of the boundaries it reaches.
Worlds that are the same but for names and the hour are explored once, and the ways that lead to them are counted.
"""
