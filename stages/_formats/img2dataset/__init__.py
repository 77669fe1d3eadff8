"""Image-text pairs as img2dataset writes them and LAION (arXiv 2210.08402) lists them."""
