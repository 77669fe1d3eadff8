"""HowToCaption (arXiv 2310.04900)."""
