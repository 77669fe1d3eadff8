"""What archives of web pages hold: records, captures, content codings, charsets, media types."""
