"""PU-VALOR of AVicuna (arXiv 2403.16276)."""
