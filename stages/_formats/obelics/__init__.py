"""OBELICS (arXiv 2306.16527)."""
