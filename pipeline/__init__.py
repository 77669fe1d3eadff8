"""The machine: load, plan, work, run, store, count. Knows no filter, no format and no model."""
