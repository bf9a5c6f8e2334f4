"""Ask each component whether it answers, and tell what was found."""
