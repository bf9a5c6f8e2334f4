"""Acts of people that one person does not do alone."""
