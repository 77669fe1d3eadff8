"""Data-Juicer (arXiv 2309.02033)."""
