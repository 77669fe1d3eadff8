"""What readers share: paths as splits, JSON lines."""
