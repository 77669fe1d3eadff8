"""Subtitle files: cues, rolling captions, and which of a video's subtitles to take."""
