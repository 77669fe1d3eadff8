"""`engine: trafilatura` gives the same kinds of elements, labels and rows."""

from __future__ import annotations

from interloom.schemas.document import Document, Image, Source, Text
from interloom.schemas.outcome import Dropped
from interloom.stages.extract_html import ExtractHtml

WORDS = "The pond behind the orchard freezes late, because a spring under the willow keeps the water moving through the winter."
HTML = f"""<html lang="en"><head><title>The pond</title>
<meta name="author" content="Ada Reed"><meta name="robots" content="noai">
<meta property="article:published_time" content="2024-02-03T10:00:00Z"></head>
<body><nav><img src="/nav.png"><a href="/">Home</a></nav>
<article><h1>The pond</h1><p>{WORDS} One.</p><h2>Under the ice</h2><p>{WORDS} Two.</p>
<figure><img src="/i/pond.jpg" alt="The pond"></figure>
<ul><li>The first of the reeds</li><li>The second of the reeds</li></ul>
<table><tr><th>Month</th><th>Ice</th></tr><tr><td>March</td><td>3 cm</td></tr></table><p>{WORDS} Three.</p>
</article></body></html>"""


def extracted() -> tuple[Document, list[Dropped]]:
    page = Document(id="d", source=Source(url="https://garden.example/pond"), body=HTML.encode())
    *dropped, doc = ExtractHtml(engine="trafilatura").process([page])
    assert isinstance(doc, Document)
    return doc, [row for row in dropped if isinstance(row, Dropped)]


def test_texts_and_images_are_in_reading_order_with_roles_and_offsets() -> None:
    doc, _ = extracted()
    parts = [(e.role, e.text) if isinstance(e, Text) else ("image", e.url) for e in doc.elements if isinstance(e, Text | Image)]
    assert [part for part in parts if part != ("heading", "The pond")] == [
        ("paragraph", f"{WORDS} One."),
        ("heading", "Under the ice"),
        ("paragraph", f"{WORDS} Two."),
        ("image", "https://garden.example/i/pond.jpg"),
        ("list_item", "The first of the reeds"),
        ("list_item", "The second of the reeds"),
        ("table", "Month | Ice\nMarch | 3 cm"),
        ("paragraph", f"{WORDS} Three."),
    ]
    assert [e.position for e in doc.elements] == list(range(len(doc.elements)))
    assert all(doc.text[t.offset :].startswith(t.text) for t in doc.texts if t.offset is not None)


def test_labels_opt_out_and_pictures_are_those_of_the_page() -> None:
    doc, dropped = extracted()
    assert (doc.labels["title"], doc.labels["author"], doc.labels["published"]) == ("The pond", "Ada Reed", "2024-02-03")
    assert (doc.source.opt_out, doc.images[0].alt, doc.body) == ("meta robots: noai", "The pond", None)
    assert [(row.url, row.drop.reason) for row in dropped] == [("https://garden.example/nav.png", "outside_content")]


def test_a_page_without_content_is_dropped() -> None:
    (outcome,) = ExtractHtml(engine="trafilatura").process([Document(id="d", body=b"<html><body></body></html>")])
    assert isinstance(outcome, Dropped) and outcome.drop.reason == "no_content"
