"""CLIP: finding and loading checkpoints, encoding images and texts, cutting texts to the model's context."""
