"""MMTrail (arXiv 2407.20962)."""
