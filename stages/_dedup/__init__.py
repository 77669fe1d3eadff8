"""What the deduplication steps share."""
