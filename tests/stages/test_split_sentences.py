from __future__ import annotations

from interloom.schemas.document import Document, Image, Text
from interloom.stages.split_sentences import SplitSentences


def split(*elements: Text | Image, **labels: str) -> list[Text | Image]:
    [doc] = SplitSentences().process([Document(id="a", elements=elements, labels=labels)])
    assert isinstance(doc, Document)
    return list(doc.elements)  # type: ignore[arg-type]


def test_a_text_becomes_its_sentences_with_their_places_in_the_extracted_text() -> None:
    text = Text(
        position=3, text="Boats leave at five.  Rain fell.", role="quote", path="html/p", offset=100, scores={"clip": 0.5}
    )
    first, second = split(text)
    assert first == Text(position=1 << 20, text="Boats leave at five.", role="quote", path="html/p", offset=100)
    assert second == Text(position=(1 << 20) + 1, text="Rain fell.", role="quote", path="html/p", offset=122)


def test_a_text_of_one_sentence_stays_as_it_is() -> None:
    text = Text(position=0, text=" Rain fell. ", scores={"clip": 0.5})
    assert split(text) == [text]


def test_captions_and_images_stay_where_they_are() -> None:
    image, caption = Image(position=1), Text(position=2, text="A boat. Red.", origin="caption", of=1)
    assert split(Text(position=0, text="Rain fell. Boats left."), image, caption)[2:] == [image, caption]


def test_the_documents_language_decides_where_sentences_end() -> None:
    text = Text(position=0, text="他走了。下雨了。")
    assert [part.text for part in split(text, language="zh")] == ["他走了。", "下雨了。"]  # type: ignore[union-attr]


def test_positions_of_parts_are_above_all_others() -> None:
    high = Text(position=(1 << 20) + 5, text="Here.")
    assert [e.position for e in split(high, Text(position=0, text="Rain fell. Boats left."))] == [
        (1 << 20) + n for n in (5, 6, 7)
    ]


def test_a_document_without_elements_passes() -> None:
    assert split() == []
