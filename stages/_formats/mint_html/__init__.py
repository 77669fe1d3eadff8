"""MINT-1T, its HTML part (arXiv 2406.11271)."""
