"""Listings that software lays out as tables, lists or boxes, with the numbers of the lines beside them."""

from __future__ import annotations

import re
from typing import Any

_FRAME = re.compile(
    r"(?:^|\s)(?:js-file-line-container|hljs-ln|syntaxhighlighter|crayon-(?:syntax|table)|dp-highlighter|code-view|CodeMirror-code|"
    r"js-file-line|diff-table)(?:\s|$)"
)
"""How GitHub, highlight.js, SyntaxHighlighter, Crayon, Gitea and CodeMirror call a listing."""
_LINES = (
    *("td.blob-code", "td.lines-code", "td.hljs-ln-code", ".code .line", ".crayon-line", "ol[class^='dp-'] > li"),
    *(".dp-highlighter ol > li", ".CodeMirror-line"),
)
"""Their lines, without the numbers."""


def listing_text(names: str, parsed: Any) -> str:
    """The lines of a listing whose frame has this class; "" for other elements."""
    if not names or _FRAME.search(names) is None:
        return ""
    lines: list[Any] = next(filter(None, map(parsed.css, _LINES)), [])
    return "\n".join((line.text() or "").replace("\xa0", " ").strip("\r\n") for line in lines)
