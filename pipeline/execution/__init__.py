"""Runs phases: driver, units, steps, sandbox, runners, the balance of what went in and came out."""
