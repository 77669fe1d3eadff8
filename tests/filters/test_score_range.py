from interloom.filters.score_range import ScoreRange
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Drop, Dropped

SCORES = {0: 0.50, 1: 0.51, 2: 0.61, 3: 0.62}


def test_both_tails_are_dropped_and_the_ends_of_the_range_stay():
    doc = Document(id="d", elements=tuple(Image(position=p, scores={"clip": s}) for p, s in SCORES.items()))
    low, high, kept = ScoreRange(of="clip", low=0.51, high=0.61).process([doc])
    assert low == Dropped("d", Drop("below_range", 0.50, 0.51), 0)
    assert high == Dropped("d", Drop("above_range", 0.62, 0.61), 3)
    assert [e.position for e in kept.elements] == [1, 2]


def test_a_range_judges_documents_too():
    step = ScoreRange(of="perplexity", low=30, high=200, on="document")
    outcomes = step.process([Document(id=str(v), scores={"perplexity": v}) for v in (29.0, 30.0, 200.0, 201.0)])
    assert [type(outcome) for outcome in outcomes] == [Dropped, Document, Document, Dropped]


def test_an_element_without_the_score_is_not_scored():
    (dropped,) = ScoreRange(of="clip", low=0, high=1, on="document").process([Document(id="d")])
    assert dropped.drop == Drop("not_scored")
