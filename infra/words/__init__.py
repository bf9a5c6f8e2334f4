"""The words of this repository: the checker of the style rules, and the index of decisions.

The rules stand in docs/CONTRIBUTING.md. `python -m infra.words` checks them, `python -m infra.words.decisions` writes
the index. This room knows the repository's files only, nothing of the product.
"""
