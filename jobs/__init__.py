"""The command line (`interloom`, `python -m interloom.jobs`), the published recipes and the demo."""
