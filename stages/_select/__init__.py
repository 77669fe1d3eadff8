"""Puts rows of all documents in an exact order, and selects by ranks: the first of all, or of each group."""
