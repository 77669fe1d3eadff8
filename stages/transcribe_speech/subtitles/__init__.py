"""Reads subtitle files, removes the repetitions of rolling captions, and chooses among a video's subtitles."""
