"""The composition root: one module for each function, which imports what that function is made of and puts it together.

A function's handler imports its own module and no other, so no function loads what it does not use: the executor no FastAPI, the
API no ccxt, the intake neither. Import-linter keeps the modules apart. What several functions need stands beside them: how a
function starts, clients of AWS, the consumer of a queue, the gate of orders.
"""
