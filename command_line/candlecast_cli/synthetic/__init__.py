"""`candlecast synthetic`: one paper order end to end on a deployed stack, with the time of each hop."""
