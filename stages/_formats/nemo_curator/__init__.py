"""The interleaved rows of NeMo Curator."""
