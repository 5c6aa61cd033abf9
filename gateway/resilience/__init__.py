"""What keeps one fault from becoming many: breaker, single flight, kept tasks."""
