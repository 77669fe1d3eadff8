"""Every figure we claim, and how it was measured: `python -m benchmarks [NAME] [options of NAME]`."""
