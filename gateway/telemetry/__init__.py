"""What is recorded: logs, the access line, metrics."""
