"""The command (`interloom`, `python -m jobs`) and the recipes."""
