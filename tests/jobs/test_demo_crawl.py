"""The demo's crawl: its articles pass the filters for natural text, and it has what its plan says."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from interloom.filters.c4_quality import c4_quality
from interloom.filters.fineweb_quality import fineweb_quality
from interloom.filters.gopher_quality import GopherQuality
from interloom.filters.gopher_repetition import GopherRepetition
from interloom.filters.language import language
from interloom.filters.url_blocklist import UrlBlocklist
from interloom.filters.word_count import word_count
from interloom.jobs.demo.crawl import make_crawl
from interloom.jobs.demo.plan import Plan, PlantedPage
from interloom.jobs.demo.text import topics, write_article, write_foreign
from interloom.pipeline.stage import Split
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Dropped, Outcome, Quarantined, Side
from interloom.stages.read_warc import ReadWarc
from interloom.stages.score_language import ScoreLanguage

BLOCKS = "article p:not(.byline), article h2, .entry-content p, .entry-content h2, .article-body p, .article-body h2"


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    make_crawl(folder, pages=120)
    return folder


@pytest.fixture(scope="module")
def plan(crawl: Path) -> Plan:
    return Plan.load(crawl / "planted.json")


@pytest.fixture(scope="module")
def outcomes(crawl: Path) -> list[Outcome]:
    paths = sorted(map(str, crawl.glob("*.warc.gz")))
    return [outcome for path in paths for outcome in ReadWarc(paths=paths).read(Split(path, str(crawl)))]


@pytest.fixture(scope="module")
def pages(outcomes: list[Outcome]) -> list[Document]:
    return [outcome for outcome in outcomes if isinstance(outcome, Document)]


def document(*blocks: str) -> Document:
    return Document(id="1", elements=tuple(Text(position=n, text=block) for n, block in enumerate(blocks)))


def article_of(page: Document) -> Document:
    """The page's article, found by the class names of the generator, so that the filters are tested without the extraction."""
    nodes = LexborHTMLParser(page.body or b"").css(BLOCKS)
    elements = [Text(position=n, text=node.text(deep=True)) for n, node in enumerate(nodes)]
    return page.with_elements(elements)


def first_drop(doc: Document) -> str:
    """The first of the recipe's text filters that drops the document, with its reason; empty if no filter does."""
    [scored] = ScoreLanguage().process([doc])
    assert isinstance(scored, Document)
    filters = {
        "filters.url_blocklist": UrlBlocklist(words=("casino", "xxx", "escort", "escorts")).judge,
        "filters.language": language,
        "filters.word_count": lambda doc: word_count(doc, at_least=50),
        "filters.gopher_quality": GopherQuality().judge,
        "filters.gopher_repetition": GopherRepetition().judge,
        "filters.c4_quality": c4_quality,
        "filters.fineweb_quality": fineweb_quality,
    }
    drops = ((use, judge(scored)) for use, judge in filters.items())
    return next((f"{use}/{drop.reason}" for use, drop in drops if drop), "")


def shingles(doc: Document) -> set[tuple[str, ...]]:
    words = doc.text.lower().split()
    return set(zip(*(words[n:] for n in range(5)), strict=False))


def similarity(first: set[tuple[str, ...]], second: set[tuple[str, ...]]) -> float:
    return len(first & second) / len(first | second)


def planted(plan: Plan, *kinds: str) -> Iterator[PlantedPage]:
    return (page for page in plan.pages if page.kind in kinds)


def test_the_same_seed_gives_the_same_bytes(crawl: Path, tmp_path: Path) -> None:
    make_crawl(tmp_path, pages=120)
    names = sorted(path.name for path in crawl.iterdir())
    assert [(tmp_path / name).read_bytes() for name in names] == [(crawl / name).read_bytes() for name in names]


def test_another_seed_gives_other_pages(plan: Plan, tmp_path: Path) -> None:
    other = make_crawl(tmp_path, seed=18, pages=60)
    assert not {page.url for page in planted(other, "good")} & {page.url for page in planted(plan, "good")}


def test_a_crawl_too_small_for_its_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 60"):
        make_crawl(tmp_path, pages=59)


def test_the_plan_is_read_back_as_it_was_written(crawl: Path, plan: Plan, tmp_path: Path) -> None:
    plan.save(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads((crawl / "planted.json").read_text())


def test_every_page_planted_for_a_later_step_is_read(plan: Plan, pages: list[Document]) -> None:
    captures = {(page.url, page.date) for page in plan.pages if not any(by.startswith("stages.read_warc") for by in page.by)}
    assert captures <= {(page.source.url, page.source.date) for page in pages}


def test_records_that_are_not_pages_are_dropped_with_the_planted_reason(plan: Plan, outcomes: list[Outcome]) -> None:
    drops = {outcome.url: f"stages.read_warc/{outcome.drop.reason}" for outcome in outcomes if isinstance(outcome, Dropped)}
    expected = {page.url: page.by for page in planted(plan, "not_found", "not_html")}
    assert {url: (drops[url],) for url in expected} == expected


def test_only_the_record_that_is_cut_in_two_is_quarantined(outcomes: list[Outcome]) -> None:
    [cut] = (outcome for outcome in outcomes if isinstance(outcome, Quarantined))
    assert cut.error.startswith("truncated")


def test_every_image_with_a_url_is_captured_unless_planted_as_missing(plan: Plan, outcomes: list[Outcome]) -> None:
    captured = {outcome.row["url"] for outcome in outcomes if isinstance(outcome, Side)}
    named = [image for page in plan.pages for image in page.images if image.url != "data:"]
    assert {image.kind for image in named if image.url not in captured} == {"missing"}


def test_pages_are_dropped_by_the_filter_they_were_planted_for(plan: Plan, pages: list[Document]) -> None:
    expected = {page.url: page for page in plan.pages if any(by.startswith("filters.") for by in page.by)}
    bad = {url: page for url, page in expected.items() if page.by != ("filters.image_count/too_few_images",)}
    drops = {page.source.url: first_drop(article_of(page)) for page in pages if page.source.url in bad}
    assert [url for url, drop in drops.items() if drop not in bad[url].by and drop.partition("/")[0] not in bad[url].by] == []


def test_pages_to_be_kept_pass_every_text_filter(plan: Plan, pages: list[Document]) -> None:
    good = {page.url for page in plan.pages if page.url and (not page.by or page.group)}
    drops = {page.source.url: first_drop(article_of(page)) for page in pages if page.source.url in good}
    assert drops == dict.fromkeys(good, "")


def test_invented_articles_pass_every_text_filter() -> None:
    rng = random.Random(5)
    articles = [write_article(rng, topic, words) for topic in topics() for words in (150, 300, 480)]
    drops = [first_drop(document(*(block.removeprefix("# ") for block in article.blocks))) for article in articles]
    assert drops == [""] * len(articles)


@pytest.mark.parametrize("label", ["de", "fr", "es", "ru", "zh", "ja"])
def test_the_language_of_pages_in_other_languages_is_detected(label: str) -> None:
    doc = document(*write_foreign(random.Random(3), label).blocks)
    [scored] = ScoreLanguage().process([doc])
    assert isinstance(scored, Document)
    assert scored.labels["language"] == label


def test_different_pages_share_few_five_word_spans() -> None:
    rng = random.Random(17)
    articles = [write_article(rng, topics()[n % 3], 400) for n in range(60)]
    spans = [shingles(document(*article.blocks)) for article in articles]
    assert max(similarity(first, second) for first, second in combinations(spans, 2)) < 0.3


def test_near_duplicates_are_similar_above_nine_tenths_and_not_equal(plan: Plan, pages: list[Document]) -> None:
    spans = {page.source.url: shingles(article_of(page)) for page in pages}
    near = list(planted(plan, "near_duplicate"))
    similarities = [similarity(spans[first.url], spans[second.url]) for first, second in zip(near[::2], near[1::2], strict=True)]
    assert all(0.9 < value < 1.0 for value in similarities)
