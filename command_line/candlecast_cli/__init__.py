"""The `candlecast` command, typed by people.

One module a group of commands, so there are more than a dozen. Never part of a layer or a function.
"""
