"""The kinds of phases, one module each: its `Unit`, how its `units` follow from what is finished, and how one is `run`."""
