"""The composition root: one module for each function, which imports what that function is made of and puts it together.

A function's handler imports its own module and no other. So the executor loads no FastAPI, the API no ccxt, the intake neither.
Import-linter keeps the modules apart. Shared parts stand beside them: the start of a function, clients of AWS, the consumer of a
queue, the gate of orders.

Larger than a dozen because there are eleven functions and four shared parts.
"""
