"""The outside world: the only package that knows boto3, PynamoDB and ccxt."""
