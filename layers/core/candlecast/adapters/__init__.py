"""The outside world: the only package that knows botocore, PynamoDB and ccxt."""
