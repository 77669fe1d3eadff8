"""The demo's check finds every way in which a run can differ from what was planted."""

from __future__ import annotations

from typing import Any

from interloom.jobs.demo.check import check
from interloom.jobs.demo.plan import Plan, PlantedImage, PlantedPage
from interloom.schemas.document import Document, Image, Source, Text

DATE = "2024-03-01T00:00:00Z"
PAGE, OTHER, PICTURE = "https://a.example/1", "https://b.example/1", "https://a.example/1.jpg"
TOO_SMALL = "filters.image_size/too_small"


def plan(*pages: PlantedPage) -> Plan:
    return Plan(17, pages)


def document(url: str = PAGE, *pictures: str, id: str = "1", date: str = DATE, caption: str = "") -> Document:
    elements: list[Text | Image] = [Image(position=n, url=picture) for n, picture in enumerate(pictures)]
    captions = [Text(position=9, text=caption, origin="caption", of=0)] if caption else []
    return Document(id=id, source=Source(url=url, date=date), elements=(*elements, *captions))


def drop(url: str, by: str, id: str = "1", position: int | None = None) -> dict[str, Any]:
    use, _, reason = by.partition("/")
    return {"id": id, "position": position, "url": url, "use": use, "reason": reason, "error": None}


def test_a_page_that_comes_out_as_planted_is_no_problem() -> None:
    assert check(plan(PlantedPage(PAGE, DATE, "good")), [], [document()]) == []


def test_a_good_page_that_was_dropped_is_named_with_the_step() -> None:
    rows = [drop(PAGE, "filters.word_count/too_few_words")]
    expected = f"{PAGE} (good): expected out, found filters.word_count/too_few_words"
    assert check(plan(PlantedPage(PAGE, DATE, "good")), rows, []) == [expected]


def test_a_good_page_without_a_trace_is_named() -> None:
    assert check(plan(PlantedPage(PAGE, DATE, "good")), [], []) == [f"{PAGE} (good): expected out, found no trace"]


def test_a_bad_page_that_came_out_is_named() -> None:
    found = check(plan(PlantedPage(PAGE, DATE, "short", ("filters.word_count",))), [], [document()])
    assert found == [f"{PAGE} (short): expected filters.word_count, found out"]


def test_a_use_without_a_reason_takes_any_reason() -> None:
    page = PlantedPage(PAGE, DATE, "short", ("filters.word_count",))
    assert check(plan(page), [drop(PAGE, "filters.word_count/too_few_words")], []) == []


def test_another_reason_than_planted_is_a_problem() -> None:
    page = PlantedPage(PAGE, DATE, "lorem", ("filters.c4_quality/lorem_ipsum_found",))
    assert len(check(plan(page), [drop(PAGE, "filters.c4_quality/too_few_sentences")], [])) == 1


def test_a_quarantine_without_a_reason_counts_as_quarantined() -> None:
    page = PlantedPage("", DATE, "truncated", ("stages.read_warc/quarantined",))
    row = {"id": "x", "position": None, "url": "", "use": "stages.read_warc", "reason": None, "error": "truncated"}
    assert check(plan(page), [row], []) == []


def test_request_records_of_the_same_url_do_not_count() -> None:
    rows = [drop(PAGE, "stages.read_warc/record_request", id="2")]
    assert check(plan(PlantedPage(PAGE, DATE, "good")), rows, [document()]) == []


def test_the_newer_of_two_captures_must_come_out() -> None:
    pages = PlantedPage(PAGE, DATE, "same_url"), PlantedPage(PAGE, "2023-01-01T00:00:00Z", "same_url", ("stages.dedup_url",))
    rows = [drop(PAGE, "stages.dedup_url/duplicate_url", id="2")]
    assert check(plan(*pages), rows, [document(date="2024-03-01T00:00:00+00:00")]) == []
    assert check(plan(*pages), rows, [document(date="2023-01-01T00:00:00Z")]) != []


def test_one_page_of_a_group_comes_out_whichever_it_is() -> None:
    by = ("stages.dedup_exact",)
    pages = PlantedPage(PAGE, DATE, "exact", by, "g"), PlantedPage(OTHER, DATE, "exact", by, "g")
    assert check(plan(*pages), [drop(PAGE, "stages.dedup_exact/duplicate_text")], [document(OTHER, id="2")]) == []
    assert check(plan(*pages), [drop(OTHER, "stages.dedup_exact/duplicate_text")], [document(PAGE, id="2")]) == []


def test_a_group_of_which_two_come_out_is_a_problem() -> None:
    by = ("stages.dedup_exact",)
    pages = PlantedPage(PAGE, DATE, "exact", by, "g"), PlantedPage(OTHER, DATE, "exact", by, "g")
    finished = [document(PAGE), document(OTHER, id="2")]
    assert check(plan(*pages), [], finished) == ["g: 2 of 2 pages came out, expected 1"]


def test_a_page_that_nobody_planted_is_named() -> None:
    assert check(plan(), [], [document()]) == [f"{PAGE}: came out, but nobody planted it"]


def test_a_picture_that_should_have_gone_is_named() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage(PICTURE, "small", (TOO_SMALL,)),))
    assert check(plan(page), [], [document(PAGE, PICTURE)])[0].endswith(f"expected {TOO_SMALL}, found out")


def test_a_picture_dropped_as_planted_is_no_problem() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage(PICTURE, "small", (TOO_SMALL,)),))
    assert check(plan(page), [drop(PICTURE, TOO_SMALL, position=0)], [document()]) == []


def test_a_picture_that_was_lost_is_named() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage(PICTURE, "relative"),))
    assert check(plan(page), [], [document()]) == [f"{PICTURE} (relative) in {PAGE}: expected out, found no trace"]


def test_a_picture_that_nobody_planted_is_named() -> None:
    assert check(plan(PlantedPage(PAGE, DATE, "good")), [], [document(PAGE, PICTURE)]) == [
        f"{PICTURE} in {PAGE}: out, but it was not planted so"
    ]


def test_pictures_of_pages_dropped_before_their_pictures_were_judged_do_not_count() -> None:
    page = PlantedPage(PAGE, DATE, "short", ("filters.word_count",), images=(PlantedImage(PICTURE, "relative"),))
    assert check(plan(page), [drop(PAGE, "filters.word_count/too_few_words")], []) == []


def test_a_picture_in_the_page_itself_is_known_by_its_scheme() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage("data:", "data"),))
    assert check(plan(page), [], [document(PAGE, "data:image/png;base64,")]) == []


def test_a_caption_that_is_lost_is_named() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage(PICTURE, "relative", caption="a red ring"),))
    assert check(plan(page), [], [document(PAGE, PICTURE, caption="a red ring")]) == []
    assert check(plan(page), [], [document(PAGE, PICTURE)]) == [f"{PICTURE} in {PAGE}: its caption is lost: a red ring"]


def test_a_caption_that_outlives_its_picture_is_named() -> None:
    page = PlantedPage(PAGE, DATE, "good", images=(PlantedImage(PICTURE, "wrong", ("filters.score",), "a red ring"),))
    rows = [drop(PICTURE, "filters.score/score_too_low", position=0)]
    assert check(plan(page), rows, [document(PAGE, caption="a red ring")]) == [
        f"{PICTURE} in {PAGE}: its caption is still there: a red ring"
    ]
