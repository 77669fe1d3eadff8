"""Images: the formats that are read, and the one decoder."""
