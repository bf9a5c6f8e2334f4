"""A backtest: past candles, the same strategy as live, and numbers that a stranger can trust.

It has more than a dozen modules, because a backtest is an engine of its own. `candle_table` reads files. The fast path is
`plain`, `fast_path` and `fills`. The exact path is `exact_path`, `candle_desk`, `candle_venue` and `margin`. Their common result
is made by `run`, `result` and `curve`, judged by `metrics` and `significance`, and shown by `document` and `pictures`.
Many backtests are run by `sweep` and `walk_forward`, over a `grid`, by `workers`. An author's files are read by `strategy_file`
and `inputs`; `extras` loads the packages that only some need.
"""
