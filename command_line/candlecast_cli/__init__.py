"""The `candlecast` command, typed by people. One module a group of commands; never part of a layer or a function."""
