"""Videos as files: opening, probing, frames, the timeline of their elements."""
