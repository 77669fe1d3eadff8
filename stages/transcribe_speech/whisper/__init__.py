"""Whisper: checkpoints, loading, decoding in batches, word times."""
