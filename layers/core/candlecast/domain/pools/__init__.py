"""The limits that all accounts of an organisation share."""
