"""The limits that people set, their catalogue, and the quotes that they compare with."""
