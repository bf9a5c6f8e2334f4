"""Acts of operators, and the second operator that some of them need."""
