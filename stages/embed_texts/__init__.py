"""Embeds texts, with sentence-transformers models or the text towers of CLIP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from interloom.pipeline.contents import EMBEDDINGS, TEXT, Content, Need, embeddings
from interloom.pipeline.cost import Cost
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome, Side
from interloom.stages._clip import checkpoints
from interloom.stages._embed import model_files
from interloom.stages._embed.rows import TABLE, Embeddings, Place, digest_of
from interloom.stages._embed.stored import Vectors
from interloom.stages._embed.text_vectors import TextEncoder, TextVectors
from interloom.stages.embed_texts.passages import Passage, passages

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class EmbedTexts(Stage):
    """Stores unit vectors of sentences, paragraphs or whole documents in the side table `embeddings`.

    Documents pass unchanged. Sentences are split in the language of the label `language`; their rows have their first and last
    character. Steps that change texts belong above this step. A vector that a step above stored with the same model and weights
    (`stages.score_clip`, another `stages.embed_texts`) is used again.

    Parameters:
        model: A sentence-transformers model: its name, if it is in the local cache ("all-MiniLM-L6-v2", "intfloat/e5-small-v2"),
            or its folder, local or s3. Or a CLIP model, as in `stages.score_clip`, whose text tower is used.
        pretrained: The weights of a CLIP model, as in `stages.score_clip`. Default none.
        of: What gets a vector: "sentences", "paragraphs" (each text element) or "documents" (their texts joined by blank lines).
            Default "sentences", our choice.
        origins: The origins of the texts that count; "alt" are the alt texts of images, too. Default body and asr, the running
            text.
        long_texts: A text that does not fit the model's context is cut between words into windows: "mean" stores the mean of
            their vectors, weighted by characters, "windows" stores each, "cut" stores the first alone, as the libraries do.
            Default "mean", our choice.
        max_tokens: The longest context, with special tokens; longer texts are cut. Default none: the model's own. Not for CLIP.
        prompt: What stands before each text, such as "passage: " for E5. Default none: the model's default. Not for CLIP.
        batch_size: Texts that the model encodes at once; of sentence-transformers models, texts of 128 tokens. On the CPU at most
            16, and 256 tokens. Default 256, our choice.
        precision: Number format of the model, as in `stages.score_clip`. Default "auto".
        device: Where the model runs, as in `stages.score_clip`. Default "auto".
    """

    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_million_characters=60.0)  # about MiniLM on one core
    uses_gpu: ClassVar[bool] = True
    memory_bytes: ClassVar[int] = 900_000_000
    side_tables: ClassVar[tuple[str, ...]] = (TABLE,)

    model: str
    pretrained: str | None = None
    of: Literal["sentences", "paragraphs", "documents"] = "sentences"
    origins: tuple[Literal["body", "asr", "alt", "caption", "ocr", "generated"], ...] = ("body", "asr")
    long_texts: Literal["mean", "windows", "cut"] = "mean"
    max_tokens: int | None = None
    prompt: str | None = None
    batch_size: int = 256
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def needs(self) -> Iterable[Need]:
        return (TEXT,) if set(self.origins) <= {"body", "asr"} else ()

    def provides(self) -> Iterable[Content]:
        version = checkpoints.version(self.pretrained) if self._is_clip else f"{self.prompt!r}, {self.max_tokens} tokens"
        return (EMBEDDINGS, embeddings(self.of.removesuffix("s"), self.model, version))

    def check(self) -> Iterable[str]:
        if self.batch_size < 1:
            yield f"batch_size: must be at least 1, not {self.batch_size}"
        if self.max_tokens is not None and self.max_tokens < 1:
            yield f"max_tokens: must be at least 1, not {self.max_tokens}"
        if not self.origins:
            yield "origins: names no origin, so there is no text"
        if not self._is_clip:
            yield from model_files.problems(self.model)
            return
        if self.max_tokens is not None or self.prompt is not None:
            yield "max_tokens, prompt: not for CLIP, which has neither"
        yield from checkpoints.problems(self.model, self.pretrained)

    def files(self) -> Iterable[str]:
        return checkpoints.paths(self.model, self.pretrained) if self._is_clip else model_files.paths(self.model)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return self.process_with(docs, {})

    def process_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> Iterator[Outcome]:
        stored = Embeddings.stored(self.model, self._revision, sides.get(TABLE, ()))
        by_doc = [list(passages(doc, self.of, self.origins)) for doc in docs]
        every_text = (passage.text for group in by_doc for passage in group)
        texts = TextVectors.of(every_text, lambda: self._encoder, stored, 1 if self.long_texts == "cut" else None)
        for doc, group in zip(docs, by_doc, strict=True):
            yield from self._rows(doc.id, group, texts, stored)
            yield doc

    @cached_property
    def _is_clip(self) -> bool:
        return model_files.is_clip(self.model, self.pretrained)

    @cached_property
    def _encoder(self) -> TextEncoder:
        batch_size, precision, device = self.batch_size, self.precision, self.device
        if self._is_clip:
            from interloom.stages._clip.towers import Towers

            return Towers.open(self.model, self.pretrained, batch_size=batch_size, precision=precision, device=device)
        from interloom.stages._embed.sentence_model import SentenceModel, Settings

        return SentenceModel.open(self.model, Settings(self.prompt, self.max_tokens, batch_size, precision, device))

    @cached_property
    def _revision(self) -> str:
        if self._is_clip:
            return checkpoints.revision(self.model, self.pretrained)
        return model_files.revision(self.model, self.prompt, self.max_tokens)

    def _rows(self, id_: str, group: Sequence[Passage], texts: TextVectors, stored: Embeddings) -> Iterator[Side]:
        """Rows of the side table for the passages of a document. The vectors at one position are numbered."""
        numbers = Counter[int]()
        for passage in group:
            for encoded, vector in self._vectors(passage.text, texts):
                position, number = passage.position, numbers[passage.position]
                place = Place(self.of.removesuffix("s"), position, number, passage.start, passage.end)
                yield from stored.row(id_, place, digest_of(encoded), vector)
                numbers[position] += 1

    def _vectors(self, text: str, texts: TextVectors) -> Iterator[tuple[str, Vectors]]:
        """The vectors of a text, each with what was encoded."""
        windows = texts.windows[text]
        if self.long_texts != "mean" or len(windows) == 1:
            yield from ((window, texts.vectors[window]) for window in windows)
        elif windows:
            yield text, _mean(texts.of_text(text), [len(window) for window in windows])


def _mean(vectors: Vectors, weights: Sequence[int]) -> Vectors:
    """The unit vector of the weighted mean of unit vectors; zeros if they cancel out."""
    mean = np.average(vectors.astype(np.float64), axis=0, weights=weights)
    return (mean / (np.linalg.norm(mean) or 1.0)).astype(np.float16)
