"""The deployed stack on the embedded cloud.

Larger than a dozen because each module deploys anew: one module a story, and processes share out the modules.
"""
