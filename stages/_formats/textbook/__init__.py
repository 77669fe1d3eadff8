"""Multimodal Textbook (arXiv 2501.00958)."""
