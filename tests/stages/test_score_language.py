import pytest

from interloom.schemas.document import Document, Text
from interloom.stages.score_language import ScoreLanguage

SENTENCES = {
    "en": "The boats return to the harbour before dawn, and the town wakes slowly.",
    "de": "Die Boote kehren vor der Dämmerung in den Hafen zurück, und die Stadt erwacht langsam.",
    "fr": "Les bateaux rentrent au port avant l'aube, et la ville se réveille lentement.",
    "ru": "Лодки возвращаются в гавань до рассвета, и город медленно просыпается.",
    "zh": "渔船在黎明前回到港口，小镇慢慢醒来，人们开始了一天的工作。",
    "ja": "漁船は夜明け前に港に戻り、町はゆっくりと目を覚まします。",
    "ko": "어선들은 새벽이 오기 전에 항구로 돌아오고 마을은 천천히 깨어난다.",
    "th": "เรือประมงกลับเข้าท่าก่อนรุ่งสาง และเมืองก็ค่อยๆ ตื่นขึ้น",
    "ar": "تعود القوارب إلى الميناء قبل الفجر وتستيقظ المدينة ببطء في الصباح.",
    "hi": "नावें भोर से पहले बंदरगाह लौट आती हैं और शहर धीरे-धीरे जागता है।",
}


def _document(text, **more):
    return Document(id="d", elements=(Text(position=0, text=text),), **more)


def _score(doc, **parameters):
    (scored,) = ScoreLanguage(**parameters).process([doc])
    return scored.labels["language"], scored.scores["language"]


@pytest.mark.parametrize(("language", "sentence"), SENTENCES.items())
def test_one_sentence_is_enough_for_a_high_probability(language, sentence):
    label, score = _score(_document(sentence))
    assert label == language
    assert 0.65 < score <= 1


@pytest.mark.parametrize("text", ["", " \n", "12345 67", "!!! ... ###", "\x00"])
def test_text_without_letters_is_undetermined(text):
    assert _score(_document(text)) == ("und", 0.0)


@pytest.mark.parametrize("text", ["a", "ok", "\ud800abc", "x" * 100_000])
def test_odd_text_gets_a_probability(text):
    assert 0 <= _score(_document(text))[1] <= 1


def test_a_short_word_gets_a_low_probability():
    assert _score(_document("ok"))[1] < 0.3


def test_only_the_first_characters_are_read():
    doc = _document(SENTENCES["en"] + " " + SENTENCES["ru"] * 20)
    assert _score(doc, characters=len(SENTENCES["en"]))[0] == "en"
    assert _score(doc)[0] == "ru"


def test_other_labels_and_scores_stay():
    (scored,) = ScoreLanguage().process([_document(SENTENCES["en"], labels={"title": "Boats"}, scores={"clip": 0.2})])
    assert scored.labels == {"title": "Boats", "language": "en"}
    assert scored.scores.keys() == {"clip", "language"}
    assert scored.elements == _document(SENTENCES["en"]).elements


def test_a_score_does_not_depend_on_the_batch():
    docs = [_document(sentence) for sentence in SENTENCES.values()]
    together = list(ScoreLanguage().process(docs))
    assert together == [out for doc in reversed(docs) for out in ScoreLanguage().process([doc])][::-1]
