"""OpenVid-1M (arXiv 2407.02371)."""
