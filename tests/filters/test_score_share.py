import pytest

from interloom.filters.score_share import ScoreShare
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped

CORE = ScoreShare(of="matched_sim", above=0.25)


def document(*scores):
    """A document of images with these scores of `matched_sim`; None: without."""
    given = [{} if score is None else {"matched_sim": score} for score in scores]
    return Document(id="d", elements=tuple(Image(position=n, scores=each) for n, each in enumerate(given)))


@pytest.mark.parametrize("scores", [(0.26, 0.3, 0.9, 0.0), (0.2501,)])
def test_a_document_with_enough_above_the_limit_stays(scores):
    assert CORE.judge(document(*scores)) is None


@pytest.mark.parametrize(("scores", "share"), [((0.26, 0.3, 0.25, 0.1), 0.5), ((0.25,), 0.0), ((0.3, None), 0.5)])
def test_a_document_with_too_few_above_the_limit_is_dropped(scores, share):
    assert list(CORE.process([document(*scores)])) == [Dropped("d", Drop("too_few_above", share, 0.75))]


@pytest.mark.parametrize("doc", [document(), document(None, None)])
def test_a_document_without_the_score_is_not_scored(doc):
    assert CORE.judge(doc) == Drop("not_scored")


def test_texts_are_counted_by_their_own_scores():
    texts = (Text(position=1, text="a", scores={"clip_best": 0.4}), Text(position=2, text="b", scores={"clip_best": 0.1}))
    doc = document(0.0).with_elements([*document(0.0).elements, *texts])
    assert ScoreShare(of="clip_best", above=0.3, at_least=0.6, on="text").judge(doc) == Drop("too_few_above", 0.5, 0.6)


def test_a_share_above_one_is_refused():
    assert list(ScoreShare(of="clip", above=0.1, at_least=75).check()) == ["at_least: must be between 0 and 1, not 75"]
