"""Filters: one file each. A filter decides whether a document, an image or a text stays and gives the reason if it does not."""
