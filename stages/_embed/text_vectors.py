"""The vectors of the texts of some documents; each different window of a text is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from interloom.stages._embed.rows import Embeddings, digest_of
from interloom.stages._embed.stored import Vectors


class TextEncoder(Protocol):
    """A model of texts: a CLIP text tower or a sentence-transformers model."""

    def windows(self, text: str) -> tuple[str, ...]:
        """Cuts a text into windows that fit the model's context; a blank text has none."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns (n, d) unit vectors of windows; a row depends on its own text alone."""
        ...


@dataclass(frozen=True)
class TextVectors:
    """The windows of each text, and the unit vector of each window."""

    windows: Mapping[str, tuple[str, ...]]
    vectors: Mapping[str, Vectors]

    @classmethod
    def of(
        cls, texts: Iterable[str], encoder: Callable[[], TextEncoder], stored: Embeddings, most_windows: int | None = None
    ) -> TextVectors:
        """Encodes the first `most_windows` windows of texts, or all, less those that steps above encoded. `encoder` returns the
        loaded model; it is not called if there are no texts."""
        windows = {text: encoder().windows(text)[:most_windows] for text in dict.fromkeys(texts)}
        different = dict.fromkeys(window for cut in windows.values() for window in cut)
        digests = {window: digest_of(window) for window in different}
        left = [window for window in different if digests[window] not in stored.vectors]
        encoded = dict(zip(left, encoder().embed_texts(left), strict=True)) if left else {}
        known = {window: stored.vectors[digests[window]] for window in different if window not in encoded}
        return cls(windows, encoded | known)

    def of_text(self, text: str) -> Vectors:
        """Returns the (windows, d) vectors of a text, in the order of its windows."""
        rows = [self.vectors[window] for window in self.windows[text]]
        return np.stack(rows) if rows else np.zeros((0, 1), np.float16)
