"""Everything that reads, extracts, fetches, scores, deduplicates and writes; one file each."""
