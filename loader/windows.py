"""OpenFlamingo's view of an interleaved document: a window of it, of a length in tokens, with its best pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from interloom.loader.fetching import LEFT_OUT
from interloom.loader.order import key_of
from interloom.loader.pictures import Pictures
from interloom.loader.sample import Sample
from interloom.loader.tokens import Tokenizer, token_ids
from interloom.loader.views import Part, parts_of
from interloom.loader.whole_numbers import problem_of
from interloom.pipeline.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Window:
    """A window: runs of token ids and pictures in order."""

    id: str
    items: Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """A window of each document, as OpenFlamingo trains (arXiv 2308.01390, section 3.2, and its data loader).

    Where the window begins depends on the document and its epoch, so it is the same after a restart, and another one in each
    epoch. Documents without a picture in their window are left out.

    Parameters:
        tokenizer: Gives the token ids of a text: a sequence, or a mapping with `input_ids`, as tokenizers of Hugging Face do.
        tokens: Tokens of the texts of a window. Default 256 (OpenFlamingo).
        most_images: Pictures of a window, at most, the first ones. Default 5 (OpenFlamingo).
        least_similarity: Pictures with a lower score are left out, those without a score are not; null: none is. Default
            0.24 (OpenFlamingo).
        score: The score of pictures that is compared. Default "clip" (`stages.score_clip`).
        pictures: How pictures are given.
    """

    tokenizer: Tokenizer
    tokens: int = 256
    most_images: int = 5
    least_similarity: float | None = 0.24
    score: str = "clip"
    pictures: Pictures = field(default=Pictures())

    def __post_init__(self) -> None:
        problem = problem_of("windows", {"tokens": self.tokens, "most_images": self.most_images}, 1)
        if not callable(self.tokenizer):
            problem = f"windows: tokenizer: a function of a text, not {self.tokenizer!r}"
        if self.least_similarity is not None and not isinstance(self.least_similarity, Real):
            problem = f"windows: least_similarity: a number or None, not {self.least_similarity!r}"
        if problem:
            raise ConfigError(problem)

    def __call__(self, sample: Sample) -> Any:
        """The window, or LEFT_OUT."""
        parts = [part for part in parts_of(sample) if part.text is not None or self._is_similar(part)]
        encoded = [token_ids(self.tokenizer, part.text) if part.text is not None else [] for part in parts]
        total = sum(map(len, encoded))
        begin = key_of(sample.id, sample.epoch) % (max(total - self.tokens, 0) + 1)
        items, images, at = list[Any](), 0, 0
        for part, ids in zip(parts, encoded, strict=True):
            inside = ids[max(begin - at, 0) : max(begin + self.tokens - at, 0)]
            at += len(ids)
            if inside:
                items.append(inside)
            elif part.data is not None and begin <= at <= begin + self.tokens and images < self.most_images:
                items.append(self.pictures(part.data))
                images += 1
        return Window(sample.id, items) if images else LEFT_OUT

    def _is_similar(self, part: Part) -> bool:
        if part.data is None or part.kind != "image":
            return False
        if self.least_similarity is None:
            return True
        value = part.facts.get("scores", {}).get(self.score)
        return value is None or float(value) >= self.least_similarity
