"""The embedded cloud: ministack, an AWS emulator in one process, with the gaps closed that this product stands on.

The template stays as it is for AWS; the gaps of the emulator are closed here, one file per concern. `patching.py` says
how, `server.py` runs it, `README.md` lists what is different from AWS all the same. There are more than a dozen modules: each
closes one gap and knows no other.
"""
