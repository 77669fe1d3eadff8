"""Embeddings of texts and images: sentences with offsets, text models, and rows of the side table `embeddings`."""
