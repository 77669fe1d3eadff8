"""CLIP's two towers: pictures and texts to unit vectors, in batches of fixed size so that no row depends on its neighbours."""

from __future__ import annotations

import copy
import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from pipeline.errors import ConfigError, DocumentError
from stages._clip_load import Loaded, load
from stages._clip_windows import windows

Vectors = npt.NDArray[np.float16]
Pixels = npt.NDArray[np.uint8]

_CPU_ROWS = 16
"""Rows in a batch on the CPU: more is no faster there, and the last batch is filled up."""
_LENGTHS = (16, 32)
"""Shorter contexts that short texts are read in."""
_DECODERS = min(8, os.cpu_count() or 1)
_MOST_PIXELS = 1 << 28


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
        tokenizer = self.loaded.tokenizer
        encode = getattr(tokenizer, "encode", None) or (lambda word: tokenizer.tokenizer(word, add_special_tokens=False).input_ids)
        return lru_cache(maxsize=1 << 18)(lambda word: len(encode(word)))

    def texts(self, texts: Sequence[str]) -> Vectors:
        """(n, d) unit vectors of texts that each fit the context."""
        tokens = self.loaded.tokenizer(list(texts)) if texts else None
        lengths = [self._length(row) for row in tokens] if tokens is not None else []
        order = sorted(range(len(texts)), key=lambda n: lengths[n])
        found: list[Vectors] = []
        for length in sorted(set(lengths)):
            picked = tokens[[n for n in order if lengths[n] == length], :length]
            encode = self._readers[length].encode_text
            found += [self._through(encode, chunk) for chunk in picked.split(self.rows)]
        return _in_order(found, order)

    def _length(self, row: Any) -> int:
        """The context that a row is read in: a function of the row alone."""
        used = int(row.argmax()) + 1
        return next((length for length in sorted(self._readers) if used <= length), len(row))

    @cached_property
    def _readers(self) -> Mapping[int, Any]:
        """Context length -> the model, sharing its weights. What follows the end mark cannot reach it under a causal mask."""
        model, full = self.loaded.model, self.loaded.tokenizer.context_length
        pool, mask = getattr(model, "text_pool_type", ""), getattr(model, "attn_mask", None)
        if pool != "argmax" or mask is None or mask.shape != (full, full):
            return {full: model}
        return {**{length: _shortened(model, length) for length in _LENGTHS if length < full}, full: model}

    def pictures(self, encoded: Iterable[bytes]) -> tuple[Vectors, dict[int, str]]:
        """(n, d) unit vectors of encoded pictures, and what is wrong with those that cannot be decoded (their rows are 0).

        Decoding runs ahead in threads while the model works.
        """
        broken: dict[int, str] = {}
        found: list[Vectors] = []
        with ThreadPoolExecutor(_DECODERS) as pool:
            decoded = _ahead(pool, self._pixels, encoded, 3 * self.rows)
            for chunk in _chunks(_sound(decoded, broken), self.rows):
                found.append(self._through(self._see, _tensor(chunk)))
        good = np.concatenate(found) if found else np.zeros((0, 1), np.float16)
        return _with_gaps(good, broken), broken

    def _pixels(self, encoded: bytes) -> Pixels | DocumentError:
        try:
            return np.asarray(self._resize(decode(encoded)))
        except DocumentError as error:
            return error

    @cached_property
    def _resize(self) -> Callable[[Image.Image], Image.Image]:
        """open_clip's transform up to 8-bit pixels; the rest is done on the device, from a quarter of the bytes."""
        from torchvision.transforms import Compose

        resize: Callable[[Image.Image], Image.Image] = Compose(self.loaded.transform.transforms[:-2])
        return resize

    @cached_property
    def _scale(self) -> tuple[Any, Any]:
        import torch

        norm = self.loaded.transform.transforms[-1]
        mean, deviation = (torch.tensor(given, device=self.device).view(1, 3, 1, 1) for given in (norm.mean, norm.std))
        return mean, deviation

    def _see(self, pixels: Any, normalize: bool) -> Any:
        mean, deviation = self._scale
        images = pixels.permute(0, 3, 1, 2).float().div_(255).sub_(mean).div_(deviation)
        return self.loaded.model.encode_image(images.to(self.dtype), normalize=normalize)

    def _through(self, encode: Callable[..., Any], chunk: Any) -> Vectors:
        """One batch through a tower, filled up to `rows`: equal shapes take equal kernels, so a row's result is its own."""
        import torch

        count = len(chunk)
        full = torch.cat([chunk, chunk[:1].expand(self.rows - count, *chunk.shape[1:])]) if count < self.rows else chunk
        if self.device == "cuda":
            full = full.pin_memory().to(self.device, non_blocking=True)
        with torch.inference_mode():
            vectors = torch.nn.functional.normalize(encode(full, normalize=False).float(), dim=-1)
        found: Vectors = vectors[:count].half().cpu().numpy()
        return found
