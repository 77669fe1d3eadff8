"""The demo: a generated crawl with planted faults, the small CLIP model that scores it, and the check of the result."""
