"""CLIP: checkpoints, loading, the two towers."""
