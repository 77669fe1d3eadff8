"""Public reports of faults of other extractors, rebuilt in small. `docs/field_reports.md` says what was reported.

`tests/data/field_reports.json` has the markup of each between two paragraphs of an article, and the right texts and images.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from interloom.schemas.document import Document, Media, Source, Text
from interloom.stages.extract_html import ExtractHtml

WORDS = "The pond behind the orchard freezes late, because a spring under the willow keeps the water moving through the winter."
ICE = "Ice forms first at the northern bank, where the reeds keep the wind away from the water."
FISH = "The fish sleep below four degrees and need neither food nor much air before the spring."
DATA = Path(__file__).parents[2] / "data" / "field_reports.json"
CASES: dict[str, dict[str, str | list[str]]] = json.loads(DATA.read_text())


def parts(html: str) -> list[str]:
    """The texts and the addresses of the images of a page, in order."""
    source = Source(url="https://garden.example/pond")
    *_, doc = ExtractHtml().process([Document(id="d", source=source, body=html.encode())])
    assert isinstance(doc, Document)
    urls = {e.position: e.url.removeprefix("https://garden.example") for e in doc.elements if isinstance(e, Media)}
    return [e.text if isinstance(e, Text) else urls[e.position] for e in doc.elements]


@pytest.mark.parametrize("report", CASES)
def test_the_right_value_of_a_public_report(report: str) -> None:
    markup, expected = CASES[report]["markup"], CASES[report]["expected"]
    html = f"<html><body><article><h1>The pond</h1><p>{WORDS} One.</p>{markup}<p>{WORDS} Two.</p></article></body></html>"
    assert parts(html) == ["The pond", f"{WORDS} One.", *expected, f"{WORDS} Two."]


def test_the_documentation_lists_the_reports() -> None:
    documentation = (Path(__file__).parents[3] / "docs" / "field_reports.md").read_text()
    listed = re.findall(r"(?m)^\| (\S+#\d+) \|", documentation)
    assert sorted(listed) == sorted([*CASES, "adbar/trafilatura#233"])


def test_text_for_browsers_without_scripts_is_content_if_there_is_no_other() -> None:
    html = f"<body><div id='app'></div><noscript><h1>The pond</h1><p>{WORDS}</p><p>{ICE}</p><p>{FISH}</p></noscript></body>"
    assert parts(html) == ["The pond", WORDS, ICE, FISH]


def test_text_for_browsers_without_frames_is_content() -> None:
    html = (
        f"<frameset cols='20,80'><frame src='n.html'><noframes><body><h1>The pond</h1><p>{WORDS}</p></body></noframes></frameset>"
    )
    assert parts(html) == ["The pond", WORDS]


def test_a_list_that_is_a_child_of_the_body_is_content() -> None:
    """adbar/trafilatura#233."""
    html = f"<body><h1>The pond</h1><p>{WORDS}</p>Okay:<ul><li>{ICE}</li><li>{FISH}</li></ul><p>{WORDS} Two.</p></body>"
    assert parts(html) == ["The pond", WORDS, "Okay:", ICE, FISH, f"{WORDS} Two."]
