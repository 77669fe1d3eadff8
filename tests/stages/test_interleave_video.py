from __future__ import annotations

import pytest

from interloom.filters.score import Score
from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.schemas.outcome import Drop, Dropped
from interloom.stages.interleave_video import InterleaveVideo


def frame(position, start, end=None):
    return Image(position=position, start_s=start, end_s=end, format="jpeg", data=b"jpeg", sha256=str(position))


def screen(position, of, words="on screen", start=0.0, end=None):
    return Text(position=position, text=words, origin="ocr", role="screen_text", of=of, start_s=start, end_s=end)


def speech(position, start, end, words="And so it goes."):
    return Text(position=position, text=words, origin="asr", role="speech", start_s=start, end_s=end)


def video(*elements, end=100.0):
    clip = Clip(position=0, start_s=0.0, end_s=end, format="mp4", width=64, height=48)
    return Document(id="v", source=Source(path="v.mp4"), elements=(clip, *elements), labels={"title": "A talk"})


def pieces(doc, **parameters):
    return list(InterleaveVideo(**{"keep_clip": False, **parameters}).process([doc]))


def order(doc):
    return [element.position for element in doc.elements]


def test_a_keyframe_then_its_screen_text_then_what_is_said_until_the_next():
    (doc,) = pieces(video(frame(1, 0, 10), frame(2, 10, 20), speech(3, 1, 4), speech(4, 12, 15), screen(5, 1), screen(6, 2)))
    assert doc.id == "v#0"
    assert order(doc) == [1, 5, 3, 2, 6, 4]


def test_a_sentence_over_a_change_goes_with_what_was_shown_longer():
    (doc,) = pieces(video(frame(1, 0, 10), frame(2, 10, 20), speech(3, 4, 11), speech(4, 9, 15)))
    assert order(doc) == [1, 3, 2, 4]
    assert [(text.scores["keyframe"], text.scores["keyframe_share"]) for text in doc.texts] == [(1.0, 0.8571), (2.0, 0.8333)]


def test_on_a_tie_a_sentence_stays_with_the_earlier_keyframe():
    (doc,) = pieces(video(frame(1, 0, 10), frame(2, 10, 20), speech(3, 8, 12)))
    assert order(doc) == [1, 3, 2]


def test_speech_before_the_first_keyframe_comes_first():
    (doc,) = pieces(video(frame(1, 10, 20), speech(2, 0, 4), speech(3, 11, 12)))
    assert order(doc) == [2, 1, 3]
    assert "keyframe" not in doc.texts[0].scores


def test_speech_without_a_keyframe_follows_in_time_and_has_no_keyframe_score():
    (doc,) = pieces(video(frame(1, 0, 10), frame(2, 50, 60), speech(3, 20, 25), speech(4, 51, 52)))
    assert order(doc) == [1, 3, 2, 4]
    assert ["keyframe" in text.scores for text in doc.texts] == [False, True]


def test_a_keyframe_shown_for_a_small_part_of_a_sentence_is_not_its_keyframe():
    (doc,) = pieces(video(frame(1, 0, 2.5), frame(2, 9.5, 20), speech(3, 2, 10), speech(4, 0, 4), speech(5, 7, 12)))
    assert [text.scores.get("keyframe") for text in doc.texts] == [1, None, 2]


def test_a_sentence_without_length_is_placed_by_its_start():
    (doc,) = pieces(video(frame(1, 0, 10), frame(2, 10, 20), speech(3, 10, 10), speech(4, 9, None)))
    assert order(doc) == [1, 4, 2, 3]


def test_a_keyframe_without_end_lasts_until_the_next():
    (doc,) = pieces(video(frame(1, 0), frame(2, 10), speech(3, 30, 40)))
    assert doc.texts[0].scores["keyframe"] == 2


def test_elements_in_any_order_give_the_same_document():
    elements = [frame(1, 0, 10), frame(2, 10, 20), speech(3, 1, 4), speech(4, 12, 15), screen(5, 1), screen(6, 2)]
    assert pieces(video(*elements)) == pieces(video(*elements[::-1]))


def test_positions_spans_and_origins_stay():
    doc = video(frame(1, 0, 10), speech(2, 1, 4), screen(3, 1, start=0.0, end=10.0))
    (out,) = pieces(doc)
    given = {element.position: element for element in doc.elements}
    assert [(e.origin, e.start_s, e.end_s) for e in out.elements] == [("body", 0, 10), ("ocr", 0, 10), ("asr", 1, 4)]
    assert out.elements[0] is given[1] and out.elements[1] is given[3]


def test_a_document_has_its_span_as_scores_and_the_video_as_a_clip_of_it():
    first, second = pieces(
        video(frame(1, 0, 10), speech(2, 1, 4), frame(3, 10, 20), speech(4, 11, 22)), max_images=1, keep_clip=True
    )
    assert [(doc.scores["start_s"], doc.scores["end_s"]) for doc in (first, second)] == [(0, 10), (10, 22)]
    assert [(clip.position, clip.start_s, clip.end_s) for clip in (first.elements[0], second.elements[0])] == [
        (0, 0, 10),
        (0, 10, 22),
    ]
    assert first.labels == {"title": "A talk"}
    assert first.source.path == "v.mp4"


def test_the_images_limit_cuts_between_keyframes():
    doc = video(
        *(e for n in range(5) for e in (frame(2 * n + 1, 10.0 * n, 10.0 * n + 10), speech(2 * n + 2, 10.0 * n, 10.0 * n + 9)))
    )
    assert [order(piece) for piece in pieces(doc, max_images=2)] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


def test_the_seconds_limit_cuts_before_the_scene_that_does_not_fit():
    doc = video(
        *(e for n in range(4) for e in (frame(2 * n + 1, 10.0 * n, 10.0 * n + 10), speech(2 * n + 2, 10.0 * n, 10.0 * n + 9)))
    )
    assert [order(piece) for piece in pieces(doc, max_seconds=20)] == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_a_scene_longer_than_the_limit_is_cut_between_sentences():
    doc = video(frame(1, 0, 100), *(speech(n + 2, 10.0 * n, 10.0 * n + 10) for n in range(5)))
    assert [order(piece) for piece in pieces(doc, max_seconds=20)] == [[1, 2, 3], [4, 5], [6]]


def test_the_tokens_limit_counts_words_punctuation_screen_text_and_images():
    doc = video(frame(1, 0, 10), screen(2, 1, "one two"), speech(3, 0, 1, "three four, five."), speech(4, 2, 3, "six"))
    assert [order(piece) for piece in pieces(doc, max_tokens=8)] == [[1, 2, 3, 4]]
    assert [order(piece) for piece in pieces(doc, max_tokens=7)] == [[1, 2, 3], [4]]
    assert [order(piece) for piece in pieces(doc, max_tokens=8, image_tokens=6)] == [[1, 2], [3, 4]]


def test_a_chinese_character_is_a_token():
    doc = video(frame(1, 0, 10), speech(2, 0, 1, "你好世界"), speech(3, 1, 2, "再见"))
    assert [order(piece) for piece in pieces(doc, max_tokens=4)] == [[1, 2], [3]]


def test_a_text_over_the_limit_is_not_cut():
    doc = video(frame(1, 0, 10), speech(2, 0, 5, "word " * 50), speech(3, 6, 7))
    assert [order(piece) for piece in pieces(doc, max_tokens=10)] == [[1], [2], [3]]


def test_a_keyframe_and_its_screen_text_stay_together():
    doc = video(frame(1, 0, 10), screen(2, 1, "word " * 50), speech(3, 0, 1))
    assert order(pieces(doc, max_tokens=10)[0]) == [1, 2]


def test_in_order_of_speech_keyframes_and_their_texts_come_before_it():
    doc = video(
        frame(1, 0, 5), frame(2, 5, 12), frame(3, 12, 30), screen(4, 1), screen(5, 3), speech(6, 1, 11), speech(7, 11, 20)
    )  # fmt: skip
    (out,) = pieces(doc, order="speech")
    assert order(out) == [1, 2, 4, 6, 3, 5, 7]


def test_in_order_of_speech_keyframes_after_the_last_word_stay():
    (out,) = pieces(video(frame(1, 0, 5), speech(2, 1, 4), frame(3, 5, 9), frame(4, 9, 12)), order="speech")
    assert order(out) == [1, 2, 3, 4]


def test_cut_clips_come_before_the_keyframe_of_the_same_time():
    cut = Clip(position=7, start_s=10.0, end_s=20.0, format="mp4", data=b"mp4")
    (doc,) = pieces(video(frame(1, 0, 10), frame(2, 10, 20), speech(3, 11, 12), cut), keep_clip=True)
    assert order(doc) == [0, 1, 7, 2, 3]


def test_a_text_without_time_comes_first_in_the_first_document():
    first, second = pieces(video(Text(position=1, text="About"), frame(2, 0, 10), frame(3, 10, 20)), max_images=1)
    assert (order(first), order(second)) == ([1, 2], [3])


def test_a_video_without_keyframes_and_speech_is_dropped():
    assert pieces(video()) == [Dropped("v", Drop("nothing_shown_or_said"))]


def test_a_page_passes():
    page = Document(id="p", elements=(Text(position=0, text="Hello"), Image(position=1)))
    assert pieces(page) == [page]


def test_every_element_is_in_exactly_one_document():
    elements = [frame(n, 7.0 * n, 7.0 * n + 7) for n in range(1, 30)]
    elements += [speech(n + 100, 3.3 * n, 3.3 * n + 3) for n in range(60)] + [screen(n + 200, n) for n in range(1, 30, 3)]
    for parameters in ({"max_seconds": 31}, {"max_images": 3, "max_tokens": 40}, {"order": "speech", "max_tokens": 30}):
        found = [position for doc in pieces(video(*elements), **parameters) for position in order(doc)]
        assert sorted(found) == sorted(element.position for element in elements)


@pytest.mark.parametrize("wrong", [{"max_seconds": 0}, {"max_images": -1}, {"max_tokens": 0}, {"image_tokens": -1}])
def test_a_limit_of_0_or_less_is_a_problem(wrong):
    (line,) = InterleaveVideo(**wrong).check()
    assert line.startswith(next(iter(wrong)))


def test_a_dropped_keyframe_takes_its_screen_text_along_and_the_speech_stays():
    """Multimodal Textbook drops the keyframes of clips that do not match the speech and keeps the speech."""
    shown = [frame(1, 0, 10).with_score("clip", 0.31), frame(2, 10, 20).with_score("clip", 0.05)]
    (doc,) = pieces(video(*shown, screen(3, 1), screen(4, 2), speech(5, 1, 4), speech(6, 12, 15)))
    dropped, out = Score(of="clip", at_least=0.15).process([doc])
    assert (dropped.position, dropped.drop) == (2, Drop("score_too_low", 0.05, 0.15))
    assert order(out) == [1, 3, 5, 6]
    assert out.text == "And so it goes.\n\nAnd so it goes."
