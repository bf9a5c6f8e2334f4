"""The one table: keys, rows, batches, pages, compression and the outbox."""
