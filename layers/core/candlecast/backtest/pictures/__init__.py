"""Pictures of a finished backtest: one report, drawn as a page or as a PNG."""
