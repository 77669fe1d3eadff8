"""What the readers share: paths to splits, JSON lines, tar files, ids of documents, and text that can be encoded."""
