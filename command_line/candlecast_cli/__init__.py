"""The `candlecast` command: what a person types. One module a group of commands; never part of a layer or a function."""
