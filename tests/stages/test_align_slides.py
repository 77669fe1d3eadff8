from __future__ import annotations

import csv
import random

import pytest

from interloom.schemas.document import Clip, Document, Image, Text
from interloom.stages.align_slides import AlignSlides

DECK = (
    "Volcanoes: magma, lava, ash, craters, basalt, pumice",
    "Earthquakes: faults, tremors, Richter, seismographs, epicentres, plates",
    "Oceans: currents, tides, salt, trenches, plankton, reefs",
    "Winds: monsoons, jetstream, hurricanes, cyclones, gusts, storms",
)
FILLER = "and so what we see here is that there is"
MAGMA = f"{FILLER} magma, lava, basalt and ash around craters"
FAULTS = f"{FILLER} faults, tremors and plates under epicentres"
TIDES = f"{FILLER} currents, tides, reefs and trenches"


def slide(position, words, start=None, end=None):
    shown = Text(position=position + 100, text=words, origin="ocr", role="screen_text", of=position, start_s=start, end_s=end)
    return Image(position=position, start_s=start, end_s=end), shown


def speech(position, words, start=None, end=None):
    return Text(position=position, text=words, origin="asr", role="speech", start_s=start, end_s=end)


def talk(*sentences, deck=DECK):
    shown = [element for n, words in enumerate(deck) for element in slide(n, words)]
    return Document(id="t", elements=(*shown, *(speech(50 + n, words, n, n + 1) for n, words in enumerate(sentences))))


def aligned(doc, by="text"):
    (out,) = AlignSlides(by=by).process([doc])
    return out


def slides_of(doc):
    return [int(text.scores["slide"]) for text in sorted(doc.texts, key=lambda t: t.position) if text.origin == "asr"]


def test_words_place_sentences_and_the_order_places_those_without_words_of_a_slide():
    said = ("Welcome.", MAGMA, "As you see.", MAGMA, FAULTS, "So far so good.", FAULTS, TIDES, TIDES)
    assert slides_of(aligned(talk(*said))) == [0, 0, 0, 0, 1, 1, 1, 2, 2]


def test_a_word_out_of_place_does_not_move_a_sentence_far():
    assert slides_of(aligned(talk(MAGMA, f"{FILLER} ash in the storms", MAGMA))) == [0, 0, 0]


def test_a_step_back_is_found_if_many_words_show_it():
    said = (MAGMA, FAULTS, FAULTS, MAGMA, MAGMA, MAGMA, MAGMA)
    assert slides_of(aligned(talk(*said))) == [0, 1, 1, 0, 0, 0, 0]


def test_a_slide_its_texts_and_its_speech_follow_each_other():
    out = aligned(talk(MAGMA, FAULTS, FAULTS, TIDES, TIDES))
    assert [e.position for e in out.elements] == [0, 100, 50, 1, 101, 51, 52, 2, 102, 53, 54, 3, 103]


def test_only_order_and_scores_change():
    doc = talk("Magma.", "Faults.", "Winds.")
    out = aligned(doc)
    by_position = {element.position: element for element in out.elements}
    assert all(
        element in (by_position[element.position],) or element.text == by_position[element.position].text
        for element in doc.elements
    )
    assert len(out.elements) == len(doc.elements)


def test_the_time_decides_before_words():
    shown = (*slide(0, DECK[0], 0.0, 10.0), *slide(1, DECK[1], 10.0, 20.0))
    doc = Document(id="t", elements=(*shown, speech(50, FAULTS, 1.0, 9.0), speech(51, "Magma.", 9.0, 15.0)))
    out = aligned(doc, "time")
    assert slides_of(out) == [0, 1]
    assert {text.scores["slide_certainty"] for text in out.texts if text.origin == "asr"} == {1.0}


def test_while_the_camera_is_on_the_speaker_words_decide():
    shown = (*slide(0, DECK[0], 0.0, 10.0), *slide(1, DECK[1], 40.0, 50.0))
    said = (
        ("Look.", 0.0, 5.0),
        ("Magma, lava, ash.", 12.0, 20.0),
        ("Now faults, waves and Richter.", 30.0, 38.0),
        ("There.", 41.0, 45.0),
    )
    doc = Document(id="t", elements=(*shown, *(speech(50 + n, *sentence) for n, sentence in enumerate(said))))
    out = aligned(doc, "time")
    assert slides_of(out) == [0, 0, 1, 1]
    assert sorted(text.scores["slide_certainty"] < 1 for text in out.texts if text.origin == "asr") == [False, False, True, True]


def test_other_elements_come_first():
    doc = talk("Magma.")
    out = aligned(doc.with_elements((*doc.elements, Clip(position=90), Text(position=91, text="About this talk"))))
    assert [element.position for element in out.elements][:2] == [90, 91]


@pytest.mark.parametrize("deck", [(), ("", "", "")])
def test_slides_without_words_give_the_first_and_documents_without_slides_pass(deck):
    doc = talk("One.", "Two.", deck=deck)
    out = aligned(doc)
    assert slides_of(out) == [0, 0] if deck else out == doc


def test_a_deck_without_speech_passes():
    doc = talk()
    assert aligned(doc) == doc


@pytest.mark.parametrize("seed", range(5))
def test_on_made_lectures_over_80_percent_of_the_sentences_are_placed_right(seed):
    """Half of the sentences have no word of any slide, and some that have one of their slide have one of another, too."""
    chosen = random.Random(seed)
    words = [[f"w{10 * page + n:03}" for n in range(8)] for page in range(12)]
    gold = [page for page in range(12) for _ in range(chosen.randint(4, 9))]
    said = [chosen.choices(FILLER.split(), k=8) for _ in gold]
    for sentence, page in zip(said, gold, strict=True):
        if chosen.random() < 0.5:
            sentence += chosen.sample(words[page], 2) + chosen.sample(chosen.choice(words), chosen.randint(0, 1))
    found = slides_of(aligned(_talk_of([" ".join(page) for page in words], [" ".join(sentence) for sentence in said])))
    assert sum(map(int.__eq__, found, gold)) / len(gold) > 0.8


def _lecture(folder):
    pdfium = pytest.importorskip("pypdfium2")
    deck = pdfium.PdfDocument(folder / "slides.pdf")
    pages = [deck[n].get_textpage().get_text_range() for n in range(len(deck))]
    with (folder / "gold_slides.csv").open(newline="") as file:
        return pages, [(row["sentence"], int(row["slide"])) for row in csv.DictReader(file)]


@pytest.mark.shared_data(
    "8_interleaved/mavils_lectures", twin="test_on_made_lectures_over_80_percent_of_the_sentences_are_placed_right"
)
def test_on_labelled_lectures_over_64_percent_of_the_sentences_are_placed_right(shared_data):
    rights = []
    for folder in sorted(path for path in (shared_data / "8_interleaved" / "mavils_lectures").iterdir() if path.is_dir()):
        pages, rows = _lecture(folder)
        found = slides_of(aligned(_talk_of(pages, [sentence for sentence, _ in rows])))
        labelled = [(slide + 1, gold) for slide, (_, gold) in zip(found, rows, strict=True) if gold > 0]
        rights.append(sum(slide == gold for slide, gold in labelled) / len(labelled))
    assert sum(rights) / len(rights) > 0.64


def _talk_of(pages, sentences):
    shown = [
        element
        for n, words in enumerate(pages)
        for element in (Image(position=n), Text(position=1000 + n, text=words, origin="ocr", of=n))
    ]
    return Document(id="t", elements=(*shown, *(speech(5000 + n, words, n, n + 1) for n, words in enumerate(sentences))))
