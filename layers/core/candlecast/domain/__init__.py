"""The rules of the house: values and decisions, standard library only."""
