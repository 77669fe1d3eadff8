"""Judges: each returns the reason to drop, or None; one file each."""
