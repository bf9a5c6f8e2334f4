"""The store on one DynamoDB table: rows and keys, then one file for each port."""
