"""The store on one DynamoDB table: one file for each port, hence more than a dozen. Keys and rows are in `single_table/`."""
