"""What the deduplications share."""
