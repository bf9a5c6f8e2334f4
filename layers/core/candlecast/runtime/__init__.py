"""The needs of every function: settings, logs, metrics, batches, and the one composition root."""
