"""Finds the article of a page as Readability does (Arc90 2009, maintained by Mozilla as Readability.js)."""
