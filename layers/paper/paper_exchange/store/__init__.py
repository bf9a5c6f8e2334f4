"""Where state, accounts and history are kept: in memory or in a DynamoDB table."""
