"""Accounts, their credentials, their switches and their position mode."""
