"""From a recipe to phases: YAML, plug-ins, the checked graph of steps, fingerprints."""
