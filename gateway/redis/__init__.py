"""What replicas share, and the border where Redis's faults become ours."""
