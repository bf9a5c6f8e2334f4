"""What the accounts of one organisation share."""
