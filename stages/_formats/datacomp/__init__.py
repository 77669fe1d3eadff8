"""DataComp (arXiv 2304.14108)."""
