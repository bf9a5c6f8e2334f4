"""The composition root: one module for each function, which imports the parts of that function and puts them together.

A function's handler imports its own module and no other. So the executor loads no FastAPI, the API no ccxt, the intake neither.
Import-linter keeps the modules apart. Four modules serve several functions: the start, clients of AWS, the consumer of a queue,
the gate of orders. The paper exchange needs no module, because nothing of candlecast is in it.

Larger than a dozen because there are eleven functions and four shared parts.
"""
