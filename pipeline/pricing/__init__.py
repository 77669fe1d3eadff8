"""What a run will take, from a sample of its documents: choosing them, measuring, arithmetic."""
