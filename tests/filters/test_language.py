from interloom.filters.language import language
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


def _document(label, score):
    return Document(id="d", labels={"language": label}, scores={"language": score})


def test_a_document_in_a_kept_language_stays():
    assert language(_document("en", 0.65)) is None
    assert language(_document("zh", 0.9), keep=("de", "zh")) is None


def test_another_language_is_dropped_whatever_its_score():
    assert language(_document("de", 0.99)) == Drop("other_language", 0.99)


def test_an_uncertain_language_is_dropped():
    assert language(_document("en", 0.6)) == Drop("language_unsure", 0.6, 0.65)


def test_a_document_without_label_or_score_is_not_scored():
    assert language(Document(id="d")) == Drop("not_scored")
    assert language(Document(id="d", labels={"language": "en"})) == Drop("not_scored")
    assert language(Document(id="d", scores={"language": 0.9})) == Drop("not_scored")
