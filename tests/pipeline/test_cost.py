"""Segments of documents, and what they cost: by what is in them, never by a clock."""

from __future__ import annotations

from interloom.pipeline.cost import Cost, Segment, segments, total
from interloom.schemas.document import Clip, Document, Element, Image, Text


def doc(*elements: Element, body: bytes | None = None) -> Document:
    return Document(id="a", elements=elements, body=body)


def video(seconds: float) -> Document:
    return doc(Clip(position=0, start_s=0.0, end_s=seconds))


def test_a_cost_is_told_by_what_it_is_for() -> None:
    assert str(Cost(per_image=0.02, per_million_characters=10)) == "0.02 s per image, 10 s per million characters"


def test_a_segment_ends_where_a_minute_of_video_is_reached() -> None:
    found = list(segments([video(40), video(40), video(10), video(7200)]))
    assert [(segment.rows, segment.seconds) for segment in found] == [(2, 80.0), (2, 7210.0)]


def test_a_segment_ends_where_fifty_images_are_reached() -> None:
    album = doc(*(Image(position=n) for n in range(40)))
    assert list(segments([album] * 3)) == [Segment(2, 0.0, 80, 0), Segment(1, 0.0, 40, 0)]


def test_pages_not_yet_extracted_count_by_their_bytes() -> None:
    page, text = doc(body=b"x" * 600_000), doc(Text(position=0, text="ab"))
    assert [segment.characters for segment in segments([page, page, text])] == [1_200_000, 2]


def test_no_documents_make_no_segments() -> None:
    assert list(segments([])) == []


def test_costs_of_several_steps_add_up() -> None:
    costs = [Cost(per_document=1, per_second=0.5), Cost(per_image=2, per_million_characters=3)]
    assert total(costs, Segment(rows=2, seconds=10, images=3, characters=500_000)) == 2 + 5 + 6 + 1.5
