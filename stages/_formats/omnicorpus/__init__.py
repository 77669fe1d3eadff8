"""OmniCorpus (arXiv 2406.08418)."""
