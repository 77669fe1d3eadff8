"""The demo: a generated crawl with planted faults, the tiny CLIP that scores it, and the check of the outcome."""
