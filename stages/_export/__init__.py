"""What the sinks share."""
