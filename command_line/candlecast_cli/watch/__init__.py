"""`candlecast watch`: orders, positions and signals as they change."""
