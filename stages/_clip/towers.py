"""CLIP's two towers: pictures and texts to unit vectors, in batches of fixed size so that no row depends on its neighbours."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from interloom.pipeline.errors import ConfigError, DocumentError
from interloom.stages._clip.loading import Loaded, load
from interloom.stages._clip.windows import windows
from interloom.stages._images.pixels import Pixels, pixels_of

Vectors = npt.NDArray[np.float16]

_CPU_ROWS = 16
"""Rows in a batch on the CPU: more is no faster there, and the last batch has to be filled up."""
_LENGTHS = (16, 32)
"""Shorter contexts (in tokens) that short texts are read in."""


@dataclass(frozen=True)
class Towers:
    """A loaded CLIP on a device; `rows` is the size of every batch that goes through a tower."""

    loaded: Loaded
    device: str
    dtype: Any
    rows: int

    @classmethod
    def open(cls, model: str, pretrained: str | None, *, batch_size: int, precision: str, device: str) -> Towers:
        """Loads the model; `auto` takes the GPU when there is one, and bf16 on it. Raises ConfigError."""
        import torch

        has_gpu = torch.cuda.is_available()
        if device == "cuda" and not has_gpu:
            raise ConfigError(f"device: cuda, but torch {torch.__version__} sees no GPU here")
        device = ("cuda" if has_gpu else "cpu") if device == "auto" else device
        precision = ("bf16" if device == "cuda" else "fp32") if precision == "auto" else precision
        loaded = load(model, pretrained, precision=precision, device=device)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        return cls(loaded, device, dtype, batch_size if device == "cuda" else min(batch_size, _CPU_ROWS))

    def windows(self, text: str) -> tuple[str, ...]:
        """The text, cleaned as the tokenizer cleans it, in windows that its context holds with both end marks."""
        clean = getattr(self.loaded.tokenizer, "clean_fn", str)
        return windows(clean(text), self.loaded.tokenizer.context_length - 2, self._tokens)

    @cached_property
    def _tokens(self) -> Callable[[str], int]:
        """How many tokens a word has; words recur, and the tokenizers are slow."""
        tokenizer = self.loaded.tokenizer
        encode = getattr(tokenizer, "encode", None) or (
            lambda word: tokenizer.tokenizer(word, add_special_tokens=False).input_ids
        )
        return lru_cache(maxsize=1 << 18)(lambda word: len(encode(word)))

    def texts(self, texts: Sequence[str]) -> Vectors:
        """(n, d) unit vectors of texts that each fit the context."""
        if not texts:
            return _none()
        tokens = self.loaded.tokenizer(list(texts))
        lengths = [self._length(row) for row in tokens]
        order = sorted(range(len(texts)), key=lambda n: lengths[n])
        found = []
        for length in sorted(set(lengths)):
            rows = tokens[[n for n in order if lengths[n] == length], :length]
            found += [self._through(self._readers[length].encode_text, chunk) for chunk in rows.split(self.rows)]
        return _home(found)[np.argsort(order)]

    def _length(self, row: Any) -> int:
        """The context that a row is read in: it depends on the row alone."""
        used = int(row.argmax()) + 1
        return next((length for length in sorted(self._readers) if used <= length), len(row))

    @cached_property
    def _readers(self) -> Mapping[int, Any]:
        """Context length -> the model. Under a causal mask, what follows the end mark never reaches it, so it may be cut."""
        model, full = self.loaded.model, int(self.loaded.tokenizer.context_length)
        mask = getattr(model, "attn_mask", None)
        if getattr(model, "text_pool_type", "") != "argmax" or mask is None or mask.shape != (full, full):
            return {full: model}
        return {**{length: _shortened(model, length) for length in _LENGTHS if length < full}, full: model}

    def pictures(self, encoded: Iterable[bytes]) -> tuple[Vectors, dict[int, str]]:
        """(n, d) unit vectors of encoded pictures, and what is wrong with those that cannot be decoded (their rows are 0).

        Decoding runs ahead in threads while the model works.
        """
        decoded = pixels_of(encoded, self._resize, 3 * self.rows)
        found, waiting = [], list[Pixels]()
        places, broken = list[int](), dict[int, str]()
        for place, pixels in enumerate(decoded):
            if isinstance(pixels, DocumentError):
                broken[place] = str(pixels)
                continue
            places.append(place)
            waiting.append(pixels)
            if len(waiting) == self.rows:
                found.append(self._through(self._see, _tensor(waiting)))
                waiting = []
        found += [self._through(self._see, _tensor(waiting))] if waiting else []
        good = _home(found)
        vectors = np.zeros((len(places) + len(broken), good.shape[1]), np.float16)
        vectors[places] = good
        return vectors, broken

    @cached_property
    def _resize(self) -> Callable[[Image.Image], Image.Image]:
        """open_clip's transform up to 8-bit pixels; what is left is done on the device, from a quarter of the bytes."""
        from torchvision.transforms import Compose

        resize: Callable[[Image.Image], Image.Image] = Compose(self.loaded.transform.transforms[:-2])
        return resize

    @cached_property
    def _scale(self) -> tuple[Any, Any]:
        import torch

        norm = self.loaded.transform.transforms[-1]
        mean, deviation = (torch.tensor(given, device=self.device).view(1, 3, 1, 1) for given in (norm.mean, norm.std))
        return mean, deviation

    def _see(self, pixels: Any) -> Any:
        mean, deviation = self._scale
        images = pixels.permute(0, 3, 1, 2).float().div_(255).sub_(mean).div_(deviation)
        return self.loaded.model.encode_image(images.contiguous().to(self.dtype))

    def _through(self, encode: Callable[[Any], Any], chunk: Any) -> Any:
        """One batch through a tower, filled up to `rows`: equal shapes take equal kernels, so a row's result is its own.

        The result stays on the device, so that the next batch is prepared while this one is computed.
        """
        import torch

        count = len(chunk)
        full = torch.cat([chunk, chunk[:1].expand(self.rows - count, *chunk.shape[1:])]) if count < self.rows else chunk
        if self.device == "cuda":
            full = full.pin_memory().to(self.device, non_blocking=True)
        with torch.inference_mode():
            return torch.nn.functional.normalize(encode(full).float(), dim=-1)[:count].half()


def _tensor(pictures: Sequence[Pixels]) -> Any:
    import torch

    return torch.from_numpy(np.stack(pictures))


def _none() -> Vectors:
    return np.zeros((0, 1), np.float16)


def _home(batches: Sequence[Any]) -> Vectors:
    """Batches on the device as one array."""
    import torch

    if not batches:
        return _none()
    vectors: Vectors = torch.cat(list(batches)).cpu().numpy()
    return vectors


def _shortened(model: Any, length: int) -> Any:
    """The same model, weights shared, whose text tower reads `length` tokens."""
    import torch

    short = copy.copy(model)
    cut = model.positional_embedding[:length].detach()
    short._parameters = {**model._parameters, "positional_embedding": torch.nn.Parameter(cut, requires_grad=False)}
    short._buffers = {**model._buffers, "attn_mask": model.attn_mask[:length, :length].contiguous()}
    short.context_length = length
    return short
