"""What keeps one fault from becoming many: breaker, single flight, task keeper, deadline."""
