"""Every schedule of a few faults, enumerated: the real services on the real adapters over fakes beneath the SDKs.

An invocation runs again and again, each time with other faults at other boundaries.
Worlds that are the same but for names and the hour are explored once, and the ways that lead to them are counted.

Larger than a dozen because the worlds below the SDKs, the scenarios and the search are modules of one machine.
"""
