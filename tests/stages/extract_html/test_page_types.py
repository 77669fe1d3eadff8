"""Pages in the markup of the usual software: the whole content in order, pictures in their places, nothing around it.

In `tests/data/page_types` `<<1>>` stands for the text of a paragraph and `[[1]]` for the address of a picture; what is in `{{ }}`
must not be text.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interloom.schemas.document import Document, Image, Source, Text
from interloom.stages.extract_html import ExtractHtml

PAGES = {path.stem: path.read_text() for path in sorted((Path(__file__).parents[2] / "data" / "page_types").glob("*.html"))}
SENTENCES = (
    "Step {n} begins when the water in the pond has cleared and the reeds along the bank are dry enough to be cut.",
    "Nobody who has seen part {n} of the garden in winter forgets how still the ice lies under the old willow.",
    "The keeper wrote in note {n} that the pump may rest, because fish sleep below four degrees and need little air.",
)

_PARAGRAPH = re.compile(r"<<(\d+)>>")
_PICTURE = re.compile(r"\[\[(\d+)\]\]")
_NOT_TEXT = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)


def text_of(n: int) -> str:
    """The text that stands for `<<n>>`."""
    return " ".join(sentence.format(n=n) for sentence in (*SENTENCES[n % 3 :], *SENTENCES[: n % 3]))


def marked(page: str) -> list[str]:
    """The paragraphs and pictures of a page in order: `["<<0>>", "[[0]]", "<<1>>"]`."""
    return list(dict.fromkeys(re.findall(r"<<\d+>>|\[\[\d+\]\]", page)))


def extracted(page: str) -> Document:
    html = _PARAGRAPH.sub(lambda mark: text_of(int(mark[1])), page)
    html = _PICTURE.sub(lambda mark: f"/pictures/{mark[1]}.jpg", html)
    html = f"<!doctype html><html><head><title>Pond</title></head><body>{_NOT_TEXT.sub(lambda mark: mark[1], html)}</body></html>"
    *_, doc = ExtractHtml().process([Document(id="d", source=Source(url="https://garden.example/"), body=html.encode())])
    assert isinstance(doc, Document)
    return doc


def marks_in(doc: Document) -> list[str]:
    """The paragraphs and pictures of the document, as in `marked`."""
    numbers = {text_of(n): n for n in range(20)}
    marks = []
    for element in doc.elements:
        if isinstance(element, Image):
            number = re.search(r"/pictures/(\d+)\.jpg", element.url)
            marks.append(f"[[{number[1]}]]" if number else element.url)
        elif isinstance(element, Text):
            places = sorted((element.text.find(text), n) for text, n in numbers.items() if text in element.text)
            marks += [f"<<{n}>>" for _, n in places]
    return marks


@pytest.mark.parametrize("software", PAGES)
def test_paragraphs_and_pictures_are_all_there_in_order(software: str) -> None:
    assert marks_in(extracted(PAGES[software])) == marked(PAGES[software])


@pytest.mark.parametrize("software", PAGES)
def test_what_stands_around_the_content_is_no_text(software: str) -> None:
    text = extracted(PAGES[software]).text
    assert [word for word in _NOT_TEXT.findall(PAGES[software]) if " ".join(word.split()) in text] == []
