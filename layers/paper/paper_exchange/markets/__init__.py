"""What is traded by which rules, at what price, at what time of the market clock."""
