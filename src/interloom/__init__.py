"""Interloom: interleaved image-text corpora from web crawls, documents and videos. The packages lie at the top of the repository."""
