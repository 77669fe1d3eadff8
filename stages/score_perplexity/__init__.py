"""Scores how much texts surprise a language model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from interloom.pipeline.contents import TEXT, Content, Need, scores
from interloom.pipeline.cost import Cost
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Text
from interloom.schemas.outcome import Outcome
from interloom.stages._embed.model_files import paths
from interloom.stages.score_perplexity import language_model

if TYPE_CHECKING:
    from interloom.stages.score_perplexity.language_model import LanguageModel


@dataclass(frozen=True, kw_only=True)
class ScorePerplexity(Stage):
    """Scores how much texts surprise a causal language model, in `perplexity`: e to the mean negative log likelihood of a token.

    Plain sentences of the model's language have a low perplexity, lists of names, broken text and other languages a high one;
    text that repeats itself has the lowest. Scores are rounded to 2 decimals. A text begins behind the token that begins texts,
    so its first token counts, too; one that does not fit the context is read in windows, each of which begins so. A text without
    tokens gets no score. RealSyn keeps sentences from 30 to 200 with GPT-2 large (arXiv 2502.12513, section 3.1).

    Parameters:
        model: A causal language model in the form of transformers: its name, if it is in the local cache ("gpt2-large"), or its
            folder, local or s3. Models that bring code of their own are refused.
        on: What is scored: "text" (each running text: a paragraph, or a sentence after `stages.split_sentences`) or "document"
            (its running text). Default "text" (RealSyn).
        batch_size: Texts of 128 tokens that the model reads at once; on the CPU at most 4. Default 32, our choice.
        precision: Number format of the model, as in `stages.score_clip`. Default "auto".
        device: Where the model runs, as in `stages.score_clip`. Default "auto".
    """

    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_million_characters=300.0)  # about GPT-2 (124 million parameters) on one core
    uses_gpu: ClassVar[bool] = True
    memory_bytes: ClassVar[int] = 900_000_000

    model: str
    on: Literal["text", "document"] = "text"
    batch_size: int = 32
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def needs(self) -> Iterable[Need]:
        return (TEXT,)

    def provides(self) -> Iterable[Content]:
        return scores(self.on, "perplexity")

    def check(self) -> Iterable[str]:
        if self.batch_size < 1:
            yield f"batch_size: must be at least 1, not {self.batch_size}"
        yield from language_model.problems(self.model)

    def files(self) -> Iterable[str]:
        return paths(self.model)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        texts = {text for doc in docs for text in self._texts(doc) if text.strip()}
        perplexity = self._perplexities(sorted(texts))
        for doc in docs:
            if self.on == "text":
                scored = {text.position for text in doc.running_texts}
                yield doc.with_elements(_scored(e, perplexity) if e.position in scored else e for e in doc.elements)
            else:
                yield doc.with_score("perplexity", perplexity[doc.text]) if doc.text in perplexity else doc

    def _texts(self, doc: Document) -> Iterable[str]:
        return [text.text for text in doc.running_texts] if self.on == "text" else [doc.text]

    def _perplexities(self, texts: Sequence[str]) -> Mapping[str, float]:
        """The perplexity of each text that has tokens."""
        if not texts:
            return {}
        surprises = zip(texts, self._model.surprises(texts), strict=True)
        return {text: round(math.exp(total / tokens), 2) for text, (total, tokens) in surprises if tokens}

    @cached_property
    def _model(self) -> LanguageModel:
        from interloom.stages.score_perplexity.language_model import LanguageModel

        return LanguageModel.open(self.model, batch_size=self.batch_size, precision=self.precision, device=self.device)


def _scored(element: Element, perplexity: Mapping[str, float]) -> Element:
    is_scored = isinstance(element, Text) and element.text in perplexity
    return element.with_score("perplexity", perplexity[element.text]) if is_scored else element  # type: ignore[attr-defined]
