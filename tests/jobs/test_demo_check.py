"""The demo's check reports every difference between a run and what was planted."""

from __future__ import annotations

from typing import Any

from interloom.jobs.demo.check import check
from interloom.jobs.demo.plan import Plan, PlantedImage, PlantedPage
from interloom.schemas.document import Document, Image, Source, Text

DATE = "2024-03-01T00:00:00Z"
PAGE, OTHER, IMAGE = "https://a.example/1", "https://b.example/1", "https://a.example/1.jpg"
TOO_SMALL = "filters.image_size/too_small"


def plan(*pages: PlantedPage) -> Plan:
    return Plan(17, pages)


def document(url: str = PAGE, *urls: str, id: str = "1", date: str = DATE, caption: str = "") -> Document:
    elements: list[Text | Image] = [Image(position=n, url=image_url) for n, image_url in enumerate(urls)]
    captions = [Text(position=9, text=caption, origin="caption", of=0)] if caption else []
    return Document(id=id, source=Source(url=url, date=date), elements=(*elements, *captions))


def drop(url: str, by: str, id: str = "1", position: int | None = None) -> dict[str, Any]:
    use, _, reason = by.partition("/")
    return {"id": id, "position": position, "url": url, "use": use, "reason": reason, "error": None}


def test_a_page_that_is_kept_as_planted_is_not_reported() -> None:
    assert check(plan(PlantedPage(PAGE, DATE, "good")), [], [document()]) == []


def test_a_good_page_that_was_dropped_is_reported_with_the_step() -> None:
    rows = [drop(PAGE, "filters.word_count/too_few_words")]
    expected = f"{PAGE} (good): expected out, found filters.word_count/too_few_words"
    assert check(plan(PlantedPage(PAGE, DATE, "good")), rows, []) == [expected]


def test_a_good_page_without_a_trace_is_reported() -> None:
    assert check(plan(PlantedPage(PAGE, DATE, "good")), [], []) == [f"{PAGE} (good): expected out, found no trace"]


def test_a_bad_page_that_was_kept_is_reported() -> None:
    problems = check(plan(PlantedPage(PAGE, DATE, "short", ("filters.word_count",))), [], [document()])
    assert problems == [f"{PAGE} (short): expected filters.word_count, found out"]


def test_a_use_without_a_reason_takes_any_reason() -> None:
    page = PlantedPage(PAGE, DATE, "short", ("filters.word_count",))
    assert check(plan(page), [drop(PAGE, "filters.word_count/too_few_words")], []) == []


def test_another_reason_than_planted_is_reported() -> None:
    page = PlantedPage(PAGE, DATE, "lorem", ("filters.c4_quality/lorem_ipsum_found",))
    assert len(check(plan(page), [drop(PAGE, "filters.c4_quality/too_few_sentences")], [])) == 1


def test_a_quarantine_without_a_reason_counts_as_quarantined() -> None:
    page = PlantedPage("", DATE, "truncated", ("stages.read_warc/quarantined",))
    row = {"id": "x", "position": None, "url": "", "use": "stages.read_warc", "reason": None, "error": "truncated"}
    assert check(plan(page), [row], []) == []


def test_request_records_of_the_same_url_do_not_count() -> None:
    rows = [drop(PAGE, "stages.read_warc/record_request", id="2")]
    assert check(plan(PlantedPage(PAGE, DATE, "good")), rows, [document()]) == []


def test_the_newer_of_two_captures_must_be_kept() -> None:
    pages = PlantedPage(PAGE, DATE, "same_url"), PlantedPage(PAGE, "2023-01-01T00:00:00Z", "same_url", ("stages.dedup_url",))
    rows = [drop(PAGE, "stages.dedup_url/duplicate_url", id="2")]
    assert check(plan(*pages), rows, [document(date="2024-03-01T00:00:00+00:00")]) == []
    assert check(plan(*pages), rows, [document(date="2023-01-01T00:00:00Z")]) != []


def test_any_one_page_of_a_group_may_be_kept() -> None:
    by = ("stages.dedup_exact",)
    pages = PlantedPage(PAGE, DATE, "exact", by, "g"), PlantedPage(OTHER, DATE, "exact", by, "g")
    assert check(plan(*pages), [drop(PAGE, "stages.dedup_exact/duplicate_text")], [document(OTHER, id="2")]) == []
    assert check(plan(*pages), [drop(OTHER, "stages.dedup_exact/duplicate_text")], [document(PAGE, id="2")]) == []


def test_a_group_of_which_two_pages_are_kept_is_reported() -> None:
    by = ("stages.dedup_exact",)
    pages = PlantedPage(PAGE, DATE, "exact", by, "g"), PlantedPage(OTHER, DATE, "exact", by, "g")
    finished = [document(PAGE), document(OTHER, id="2")]
    assert check(plan(*pages), [], finished) == ["g: 2 of 2 pages were kept, expected 1"]


def test_a_page_that_was_not_planted_is_reported() -> None:
    assert check(plan(), [], [document()]) == [f"{PAGE}: kept, but not planted"]


def test_an_image_that_should_have_been_dropped_is_reported() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage(IMAGE, "small", (TOO_SMALL,)),))
    assert check(plan(page), [], [document(PAGE, IMAGE)])[0].endswith(f"expected {TOO_SMALL}, found out")


def test_an_image_dropped_as_planted_is_not_reported() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage(IMAGE, "small", (TOO_SMALL,)),))
    assert check(plan(page), [drop(IMAGE, TOO_SMALL, position=0)], [document()]) == []


def test_an_image_that_was_lost_is_reported() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage(IMAGE, "relative"),))
    assert check(plan(page), [], [document()]) == [f"{IMAGE} (relative) in {PAGE}: expected out, found no trace"]


def test_an_image_that_was_not_planted_is_reported() -> None:
    assert check(plan(PlantedPage(PAGE, DATE, "good")), [], [document(PAGE, IMAGE)]) == [
        f"{IMAGE} in {PAGE}: out, but planted otherwise"
    ]


def test_images_of_pages_dropped_before_their_images_were_scored_do_not_count() -> None:
    page = PlantedPage(PAGE, DATE, "short", ("filters.word_count",), images=(PlantedImage(IMAGE, "relative"),))
    assert check(plan(page), [drop(PAGE, "filters.word_count/too_few_words")], []) == []


def test_a_data_uri_is_matched_by_its_scheme() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage("data:", "data"),))
    assert check(plan(page), [], [document(PAGE, "data:image/png;base64,")]) == []


def test_a_lost_caption_is_reported() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage(IMAGE, "relative", caption="a red ring"),))
    assert check(plan(page), [], [document(PAGE, IMAGE, caption="a red ring")]) == []
    assert check(plan(page), [], [document(PAGE, IMAGE)]) == [f"{IMAGE} in {PAGE}: its caption was lost: a red ring"]


def test_a_caption_kept_without_its_image_is_reported() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage(IMAGE, "wrong", ("filters.score",), "a red ring"),))
    rows = [drop(IMAGE, "filters.score/score_too_low", position=0)]
    assert check(plan(page), rows, [document(PAGE, caption="a red ring")]) == [
        f"{IMAGE} in {PAGE}: its caption was kept: a red ring"
    ]
