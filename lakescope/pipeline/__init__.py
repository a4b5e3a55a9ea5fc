"""The engine between collectors and sinks: batches, lanes, retries, dead letters, acknowledgement, metrics."""
