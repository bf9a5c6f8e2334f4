"""Values that every other room stands on: errors, money, ids, reasons, timeframes and the terms of orders."""
