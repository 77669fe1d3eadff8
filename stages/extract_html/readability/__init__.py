"""Finds the article of a page as Readability does (Arc90, 2009, as Mozilla keeps it)."""
