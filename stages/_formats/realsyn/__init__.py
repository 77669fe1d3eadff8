"""RealSyn (arXiv 2502.12513)."""
