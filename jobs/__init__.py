"""The command (`interloom`, `python -m interloom.jobs`) and the recipes."""
