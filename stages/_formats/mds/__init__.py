"""MDS, the format of MosaicML Streaming."""
