"""Reads what archives of web pages contain: records, captures, content codings, charsets, media types and URLs."""
