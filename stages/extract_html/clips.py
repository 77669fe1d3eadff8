"""The URLs of embedded clips: `video` and `audio` elements, and frames with a video player."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from interloom.stages.extract_html.image_source import Attributes
from interloom.stages.extract_html.page import Node

_VIDEO_URL = re.compile(
    r"youtube(?:-nocookie)?\.com/(?:embed|watch|v/|shorts)|youtu\.be/|player\.vimeo\.com|vimeo\.com/\d|dailymotion\.com/(?:embed|swf|video)|"
    r"player\.twitch\.tv|facebook\.com/plugins/video|rutube\.ru/play|bilibili\.com/player|ted\.com/(?:talks|embed)|"
    r"\.(?:mp4|webm|m4v|mov|ogv|m3u8)(?:$|\?)|brightcove|jwplatform|jwplayer|streamable\.com|wistia",
    re.IGNORECASE,
)


def clip_url(node: Node, sources: Mapping[int, Sequence[Attributes]]) -> str:
    """The URL of a clip as written; empty for other elements. `sources` has the `source` elements by their parent's number."""
    attributes = node.attributes
    if node.tag in ("video", "audio", "amp-video"):
        source_urls = [source.get("src") or "" for source in sources.get(node.number, ())]
        return next((url for url in (attributes.get("src") or "", attributes.get("data-src") or "", *source_urls) if url), "")
    if node.tag == "amp-youtube":
        return f"https://www.youtube.com/watch?v={attributes.get('data-videoid') or ''}"
    return player_url(attributes) if node.tag in ("iframe", "amp-iframe", "embed", "object") else ""


def player_url(attributes: Attributes) -> str:
    """The URL of the clip that a frame or plug-in with these attributes plays, as written; empty for others."""
    urls = (attributes.get(name) or "" for name in ("src", "data-src", "data-lazy-src", "data"))
    return next((url for url in urls if _VIDEO_URL.search(url)), "")
