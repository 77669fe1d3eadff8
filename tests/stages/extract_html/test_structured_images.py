"""Figures without a picture element get the picture that microdata, JSON-LD or the state of the page names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from interloom.schemas.document import Document, Image, Source, Text
from interloom.stages.extract_html import ExtractHtml

WORDS = "The pond behind the orchard freezes late, because a spring under the willow keeps the water moving through the winter."
CAPTION = "<figcaption>The pond in snow</figcaption>"
URL = "https://cdn.example/pond.jpg"


def parts(main: str, head: str = "") -> list[str]:
    """The images and captions of a page, in order."""
    article = f"<article><h1>The pond</h1><p>{WORDS} One.</p>{main}<p>{WORDS} Two.</p></article>"
    html = f"<html><head>{head}</head><body>{article}</body></html>"
    source = Source(url="https://garden.example/pond")
    *_, doc = ExtractHtml().process([Document(id="d", source=source, body=html.encode())])
    assert isinstance(doc, Document)
    return [
        e.url if isinstance(e, Image) else e.text for e in doc.elements if isinstance(e, Image) or (isinstance(e, Text) and e.of)
    ]


def linked(image: Any) -> str:
    return f"<script type='application/ld+json'>{json.dumps({'@type': 'NewsArticle', 'image': image})}</script>"


def state(value: Any) -> str:
    return f"<script id='__NEXT_DATA__' type='application/json'>{json.dumps(value)}</script>"


OTHER = {"type": "Image", "caption": "Another pond", "src": "https://cdn.example/other.jpg"}
OURS = {"__typename": "Image", "caption": {"text": "The pond in snow"}, "crops": [{"url": URL}]}

GRAPH = linked({"@id": "#pond"}).replace("{", '{"@graph": [{"@type": "ImageObject", "@id": "#pond", "url": "' + URL + '"}, {', 1)
GRAPH = GRAPH.replace("</script>", "]}</script>")


@pytest.mark.parametrize(
    ("figure", "head"),
    [
        (f"<figure itemid='{URL}' itemscope itemtype='http://schema.org/ImageObject'>{CAPTION}</figure>", ""),
        (f"<figure><meta itemprop='url' content='{URL}'>{CAPTION}</figure>", ""),
        (f"<figure><link itemprop='contentUrl' href='{URL}'><div></div>{CAPTION}</figure>", ""),
        (f"<figure><span itemprop='image' content='{URL}'></span>{CAPTION}</figure>", ""),
        (f"<figure>{CAPTION}</figure>", linked(URL)),
        (f"<figure>{CAPTION}</figure>", linked([{"@type": "ImageObject", "url": URL}])),
        (f"<figure><img src='data:image/gif;base64,R0lG'>{CAPTION}</figure>", linked([URL])),
        (f"<figure>{CAPTION}</figure>", state({"props": {"images": [OTHER, OURS]}})),
        (f"<figure>{CAPTION}</figure>", f"<script>window.__STATE__ = {json.dumps({'a': OTHER, 'b': OURS})}; start();</script>"),
        (f"<figure>{CAPTION}</figure>", f"<script>window.s = JSON.parse({json.dumps(json.dumps({'b': OURS}))});</script>"),
        (f"<figure><img src='{URL}'>{CAPTION}</figure>", linked(URL)),
        (f"<figure><div itemscope itemtype='http://schema.org/ImageObject' itemid='{URL}'></div>{CAPTION}</figure>", ""),
        (f"<figure><div typeof='ImageObject'><link property='schema:contentUrl' href='{URL}'></div>{CAPTION}</figure>", ""),
        (f"<figure><a href='{URL}'></a>{CAPTION}</figure>", ""),
        (f"<figure data-src='{URL}'>{CAPTION}</figure>", ""),
        (f"<figure style='background-image: url({URL})'>{CAPTION}</figure>", ""),
        (f"<figure><div data-img='{URL}'></div>{CAPTION}</figure>", ""),
        (f'<figure><div data-props=\'{{"image": {{"url": "{URL}"}}}}\'></div>{CAPTION}</figure>', ""),
        (f"<figure>{CAPTION}</figure>", GRAPH),
        (f"<figure>{CAPTION}</figure>", linked(URL).replace("{", "//<![CDATA[\n{", 1).replace("</", "\n//]]></", 1)),
        (f"<figure>{CAPTION}</figure>", linked([URL]).replace("{", '{"text": "two\nlines",', 1).replace("]", ",]", 1)),
        (f"<figure>{CAPTION}</figure>", state([{"a": 1}, {"image": 2, "caption": 3}, URL, "The pond in snow"])),
    ],
)
def test_a_figure_has_the_picture_that_the_page_names_for_it_once(figure: str, head: str) -> None:
    assert parts(figure, head) == [URL, "The pond in snow"]


def test_pictures_of_json_ld_go_to_the_figures_in_order() -> None:
    figures = f"<figure>{CAPTION}</figure><p>{WORDS} Mid.</p><figure><div></div><figcaption>The pond in May</figcaption></figure>"
    assert parts(figures, linked([URL, "https://cdn.example/may.jpg"])) == [
        URL,
        "The pond in snow",
        "https://cdn.example/may.jpg",
        "The pond in May",
    ]


@pytest.mark.parametrize(
    "figure", ["<figure><pre>x = 1</pre></figure>", "<figure><iframe src='//youtu.be/1'></iframe></figure>", ""]
)
def test_what_is_no_figure_of_a_picture_gets_none(figure: str) -> None:
    assert parts(figure, linked(URL)) == []


@pytest.mark.parametrize("script", ["{", "[" * 5000, '"x"', "= {a: 1}", "null"])
def test_broken_data_name_no_picture(script: str) -> None:
    assert parts(f"<figure>{CAPTION}</figure>", f"<script type='application/json'>{script} .jpg</script>") == []
