"""The store on one DynamoDB table: `single_table/` has rows and keys, each module here one port.

Larger than a dozen because one table serves that many ports.
"""
