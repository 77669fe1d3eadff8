"""Where things lie: storage, commits, parts, shards, manifest, and reading a run."""
