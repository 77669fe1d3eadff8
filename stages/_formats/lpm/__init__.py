"""Multimodal Lecture Presentations, LPM (arXiv 2208.08080)."""
