"""What the sinks share: the image-text pairs and the text of a document, and the checks of their parameters."""
