"""The table of `docs/opt_out.md`: each example gives its evidence, and its token drops images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from interloom.schemas.document import Document, Source
from interloom.stages._web.opt_out import (
    AI_TOKENS,
    OF_PICTURES_OF_THE_PAGE,
    POLICY,
    about_the_page,
    header_evidence,
    joined,
    opts_out,
    picture_evidence,
)
from interloom.stages.extract_html import ExtractHtml

_TABLE = (Path(__file__).parents[3] / "docs" / "opt_out.md").read_text()


def rows() -> list[list[str]]:
    """Where, example, evidence and token of each row."""
    lines = [line for line in _TABLE.splitlines() if re.match(r"\| (?:header|page|pictures|inside|none)", line)]
    return [[cell.strip("`") for cell in re.split(r"\s*\|\s*", line)[1:5]] for line in lines]


def evidence(where: str, example: str) -> str:
    """The evidence of an example on a document or a picture."""
    if where == "inside a picture":
        return picture_evidence(b"\xff\xd8 <x:xmpmeta>" + example.encode() + b"</x:xmpmeta> \xff\xd9")
    if where in ("page", "pictures of a page"):
        html = f"<html><head>{example}</head><body><p>Words of the page <img src='a.jpg'></p></body></html>"
        *_, doc = ExtractHtml().process([Document(id="d", body=html.encode())])
        assert isinstance(doc, Document)
        return doc.source.opt_out if where == "page" else joined(doc.source.opt_out, doc.images[0].opt_out)
    name, _, value = example.partition(": ")
    if where == "header of a page":
        return header_evidence([(name, value)], OF_PICTURES_OF_THE_PAGE)
    return header_evidence([(name, value)], POLICY if where == "header of a picture" else AI_TOKENS)


@pytest.mark.parametrize(("where", "example", "expected", "token"), rows())
def test_the_table_of_the_documentation_is_true(where: str, example: str, expected: str, token: str) -> None:
    assert evidence(where, example) == expected
    assert opts_out(expected, {token}) is bool(expected)
    assert not expected or token in POLICY


def test_the_table_has_every_token_of_the_policy() -> None:
    assert {token for _, _, _, token in rows() if token} == set(POLICY)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"X-Robots-Tag": "otherbot: noai"}, False),
        ({"X-Robots-Tag": "otherbot: noindex, interloom: noai"}, True),
        ({"X-Robots-Tag": "ccbot: nofollow"}, True),
        ({"X-Robots-Tag": "noindex, otherbot: none"}, True),
        ({"X-Robots-Tag": "*: noai"}, True),
        ({"Robots": "noai"}, True),
    ],
)
def test_evidence_for_another_crawler_does_not_count(fields: Mapping[str, str], expected: bool) -> None:
    assert opts_out(header_evidence(fields.items(), POLICY), POLICY, "Mozilla/5.0 (compatible; interloom)") is expected


@pytest.mark.parametrize(
    ("evidence_of_page", "expected"),
    [
        ("header X-Robots-Tag: noimageindex", ""),
        ("header X-Robots-Tag: noimageindex; meta robots: noai", "meta robots: noai"),
        ("header X-Robots-Tag: noai, noimageindex", "header X-Robots-Tag: noai, noimageindex"),
        ("", ""),
    ],
)
def test_evidence_about_pictures_alone_is_not_about_the_page(evidence_of_page: str, expected: str) -> None:
    assert about_the_page(evidence_of_page) == expected


def test_a_header_of_a_page_about_its_pictures_is_kept_with_them() -> None:
    source = Source(opt_out="header X-Robots-Tag: noimageindex")
    *_, doc = ExtractHtml().process([Document(id="d", source=source, body=b"<p>Words of the page <img src='a.jpg'></p>")])
    assert isinstance(doc, Document)
    assert (doc.source.opt_out, doc.images[0].opt_out) == ("", "header X-Robots-Tag: noimageindex")


def test_repeated_headers_are_all_read() -> None:
    fields = [("X-Robots-Tag", "nofollow"), ("x-robots-tag", "noai"), ("X-Robots-Tag", "noimageai")]
    assert header_evidence(fields) == "header x-robots-tag: noai; header X-Robots-Tag: noimageai"


@pytest.mark.timeout(60)  # quadratic work would take hours
def test_names_and_values_that_are_made_to_take_long_do_not() -> None:
    assert header_evidence([("bot-" * 1_000_000 + "!", "noai"), *[("content-usage", f"a{' ' * 4090}b")] * 1000]) == ""
