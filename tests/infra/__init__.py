"""The template, the layers, the tools, and the embedded cloud.

Larger than a dozen because the template and the emulator are tested by concern, and a name begins with its subject.
"""
