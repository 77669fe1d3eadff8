"""Listings that software lays out as tables, lists or boxes are one text with the role code, without the numbers of the lines."""

from __future__ import annotations

import pytest

from interloom.schemas.document import Document
from interloom.schemas.outcome import Dropped
from interloom.stages.extract_html import ExtractHtml

WORDS = "The pond behind the orchard freezes late, because a spring under the willow keeps the water moving through the winter."
LINES = ("def freeze(pond):", "    return pond.ice")


def rows(row: str) -> str:
    return "".join(row.format(n=n, line=line, wide=line.replace(" ", "&nbsp;")) for n, line in enumerate(LINES, 1))


@pytest.mark.parametrize(
    "listing",
    [
        f"<table class='js-file-line-container'>{rows('<tr><td>{n}</td><td class=blob-code>{line}</td></tr>')}</table>",
        f"<div class='code-view'><table>{rows('<tr><td>{n}</td><td class=lines-code>{line}</td></tr>')}</table></div>",
        f"<pre><table class='hljs-ln'>{rows('<tr><td>{n}</td><td class=hljs-ln-code>{line}</td></tr>')}</table></pre>",
        f"<div class='syntaxhighlighter'><table><tr><td class='gutter'>{rows('<div class=line>{n}</div>')}</td>"
        f"<td class='code'>{rows('<div class=line>{wide}</div>')}</td></tr></table></div>",
        f"<div class='crayon-syntax'>{rows('<div>{n}</div>')}{rows('<div class=crayon-line>{wide}</div>')}</div>",
        f"<div class='dp-highlighter'><ol class='dp-py'>{rows('<li class=alt><span>{wide}</span></li>')}</ol></div>",
        f"<div class='CodeMirror-code'>{rows('<div>{n}<pre class=CodeMirror-line>{line}</pre></div>')}</div>",
    ],
)
def test_a_listing_is_one_text_with_its_lines_as_written(listing: str) -> None:
    html = f"<article><h1>The pond</h1><p>{WORDS} One.</p>{listing}<p>{WORDS} Two.</p></article>"
    *_, doc = ExtractHtml().process([Document(id="d", body=html.encode())])
    assert isinstance(doc, Document)
    assert [(text.role, text.text) for text in doc.texts][2:-1] == [("code", "\n".join(LINES))]


def test_a_picture_in_such_a_listing_has_a_row() -> None:
    listing = "<div class='crayon-syntax'><img src='/i.gif'><div class='crayon-line'>freeze(pond)</div></div>"
    html = f"<article><h1>The pond</h1><p>{WORDS} One.</p>{listing}<p>{WORDS} Two.</p></article>"
    *dropped, _ = ExtractHtml().process([Document(id="d", body=html.encode())])
    assert [(row.url, row.drop.reason) for row in dropped if isinstance(row, Dropped)] == [("/i.gif", "in_boilerplate")]
