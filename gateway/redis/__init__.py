"""What replicas share through Redis, and where its errors become values."""
