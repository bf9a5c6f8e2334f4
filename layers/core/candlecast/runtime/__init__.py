"""What every function needs to run: settings, logs, metrics, batches, and the composition root."""
