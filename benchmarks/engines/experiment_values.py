"""The numbers of the measured experiment, for either engine; it is that of `tests/foreign/engines`."""

FAST, SLOW = 10, 30  # rows of the averages
FASTS, SLOWS = range(5, 55, 5), range(60, 260, 10)  # 10 x 20 pairs, the fast one always below
FIRST_ROW = 187  # the first row, from 0, whose decision counts: each decision of ours carries an ATR of 188 rows
STOP, TARGET = 0.01, 0.02  # shares of the fill's price
FEE, CASH = 0.0004, 10_000_000
