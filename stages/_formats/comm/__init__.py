"""CoMM (arXiv 2406.10462)."""
