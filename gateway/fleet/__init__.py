"""What replicas share: the Redis client, the bus, shared counters."""
