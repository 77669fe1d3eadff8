from __future__ import annotations

import math
from collections import Counter
from typing import Any

import global_steps
import pytest

from interloom.schemas.document import Document, Image, Text
from interloom.stages.score_word_entropy import ScoreWordEntropy

TEXTS = ["The boat and the harbour.", "The rain.", "Zyx-9", "The the THE.", ""]


def docs() -> list[Document]:
    caption = Text(position=9, text="the caption", origin="caption", of=8)
    return [
        Document(id=f"d{n}", elements=(Text(position=n, text=text), Image(position=8), caption)) for n, text in enumerate(TEXTS)
    ]


def words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def expected(texts: list[str]) -> list[float]:
    counts = Counter(word for text in texts for word in words(text))
    share = {word: count / counts.total() for word, count in counts.items()}
    return [round(sum(-share[word] * math.log(share[word]) for word in words(text)), 4) for text in texts]


def scored(step: ScoreWordEntropy, *parts: list[Document], partitions: int = 1) -> list[Any]:
    return global_steps.outcomes(step, *parts, partitions=partitions)


def test_a_text_has_the_sum_over_its_words_of_their_share_times_its_logarithm() -> None:
    found = [doc.elements[0].scores["word_entropy"] for doc in scored(ScoreWordEntropy(), docs())]
    assert found == expected(TEXTS)
    assert found[0] > found[2] > 0


def test_a_document_is_scored_as_a_whole_where_the_recipe_wants_it() -> None:
    found = scored(ScoreWordEntropy(on="document"), docs())
    assert [doc.scores["word_entropy"] for doc in found] == expected(TEXTS)
    assert all(not element.scores for doc in found for element in doc.elements)


def test_captions_are_not_scored() -> None:
    assert all("word_entropy" not in doc.elements[2].scores for doc in scored(ScoreWordEntropy(), docs()))


@pytest.mark.parametrize("partitions", [1, 2, 5])
def test_parts_and_ranges_change_nothing(partitions: int) -> None:
    whole = scored(ScoreWordEntropy(), docs())
    assert scored(ScoreWordEntropy(), docs()[:2], docs()[2:], partitions=partitions) == whole


def test_a_corpus_without_words_has_no_entropy() -> None:
    [doc] = scored(ScoreWordEntropy(), [Document(id="a", elements=(Text(position=0, text="--"),))])
    assert doc.elements[0].scores == {"word_entropy": 0.0}
