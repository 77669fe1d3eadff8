"""Shared by the steps that handle videos: opening and probing files, decoding single frames, the timeline of a document."""
