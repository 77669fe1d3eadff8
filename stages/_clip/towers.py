"""CLIP's two towers encode images and texts as unit vectors, in batches of fixed size so that no row depends on another."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image

from interloom.pipeline.errors import DocumentError
from interloom.stages._clip.loading import Loaded, load
from interloom.stages._clip.windows import windows
from interloom.stages._embed.device import device_and_precision
from interloom.stages._embed.stored import Vectors
from interloom.stages._images.pixels import Pixels, decoded_pixels

_MAX_ROWS_ON_CPU = 16
"""Rows of a batch on the CPU: larger batches are no faster there, and the last batch has to be filled up."""
_SHORT_CONTEXTS = (16, 32)
"""Shorter contexts for short texts, which are faster. Tokens; our choice."""
_BATCHES_AHEAD = 3
"""Images are decoded so many batches ahead of the model; our choice."""


@dataclass(frozen=True)
class Towers:
    """A loaded CLIP on a device.

    `dtype` is torch's type of its weights, and `rows` the size of every batch that goes through a tower.
    """

    loaded: Loaded
    device: str
    dtype: Any
    rows: int

    @classmethod
    def open(cls, model: str, pretrained: str | None, *, batch_size: int, precision: str, device: str) -> Towers:
        """Loads a model. Raises ConfigError if that fails or there is no GPU for `device` "cuda".

        Parameters:
            model: A name, a folder or a `.json` file, as in `stages.score_clip`.
            pretrained: A tag or a checkpoint, as in `stages.score_clip`; None if the weights are in the folder.
            batch_size: Images or texts that the model encodes at once; at most 16 on the CPU.
            precision: "fp32", "bf16" or "auto", which is bf16 on a GPU and fp32 on the CPU.
            device: "cpu", "cuda" or "auto", which takes the GPU if there is one.
        """
        import torch

        device, precision = device_and_precision(device, precision)
        loaded = load(model, pretrained, precision=precision, device=device)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        return cls(loaded, device, dtype, batch_size if device == "cuda" else min(batch_size, _MAX_ROWS_ON_CPU))

    def windows(self, text: str) -> tuple[str, ...]:
        """Cuts a text, cleaned as the tokenizer cleans it, into windows that fit the context beside its start and end tokens."""
        clean = getattr(self.loaded.tokenizer, "clean_fn", str)
        return windows(clean(text), self.loaded.tokenizer.context_length - 2, self._count_tokens)

    @cached_property
    def _count_tokens(self) -> Callable[[str], int]:
        """Counts the tokens of a word. Counts are cached, because words recur and the tokenizers are slow."""
        tokenizer = self.loaded.tokenizer
        encode = getattr(tokenizer, "encode", None) or (
            lambda word: tokenizer.tokenizer(word, add_special_tokens=False).input_ids
        )
        return lru_cache(maxsize=1 << 18)(lambda word: len(encode(word)))

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns (n, d) unit vectors of texts that each fit the context; texts of one context length share batches."""
        return self.embed_tokens(self.loaded.tokenizer(list(texts))) if texts else _no_vectors()

    def embed_tokens(self, tokens: Any) -> Vectors:
        """Returns (n, d) unit vectors of texts as the tokenizer makes them: a tensor (n, context length), n at least 1."""
        lengths = [self._context_length(row) for row in tokens]
        order = sorted(range(len(lengths)), key=lambda n: lengths[n])
        batches = []
        for length in sorted(set(lengths)):
            rows = tokens[[n for n in order if lengths[n] == length], :length]
            batches += [self._encode_batch(self._models[length].encode_text, chunk) for chunk in rows.split(self.rows)]
        return _to_array(batches)[np.argsort(order)]

    def _context_length(self, row: Any) -> int:
        """The shortest context that the tokens of a text fit; it depends on this text alone.

        The end token has the highest number, so `argmax` finds it: start, 320, 2368, end, 0, 0 ... -> 4 tokens -> 16
        """
        used = int(row.argmax()) + 1
        return next((length for length in sorted(self._models) if used <= length), len(row))

    @cached_property
    def _models(self) -> Mapping[int, Any]:
        """Context length -> the model with that context.

        Under a causal mask, tokens after the end token do not change the vector, so the context may end there. A model without
        such a mask has the full context alone.
        """
        model, full = self.loaded.model, int(self.loaded.tokenizer.context_length)
        mask = getattr(model, "attn_mask", None)
        if getattr(model, "text_pool_type", "") != "argmax" or mask is None or mask.shape != (full, full):
            return {full: model}
        return {**{length: _with_context(model, length) for length in _SHORT_CONTEXTS if length < full}, full: model}

    def embed_images(self, encoded: Iterable[bytes]) -> tuple[Vectors, dict[int, str]]:
        """Returns (n, d) unit vectors of encoded images, and row -> error of those that cannot be decoded (their rows are 0).

        Threads decode ahead while the model works.
        """
        errors = dict[int, str]()

        def whole() -> Iterator[Pixels]:
            for row, pixels in enumerate(decoded_pixels(encoded, self.resize, _BATCHES_AHEAD * self.rows)):
                if isinstance(pixels, DocumentError):
                    errors[row] = str(pixels)
                else:
                    yield pixels

        decoded = self.embed_pixels(whole())
        vectors = np.zeros((len(decoded) + len(errors), decoded.shape[1]), np.float16)
        vectors[[row for row in range(len(vectors)) if row not in errors]] = decoded
        return vectors, errors

    def embed_pixels(self, images: Iterable[Pixels]) -> Vectors:
        """Returns (n, d) unit vectors of decoded images of the model's size, as `resize` makes them."""
        remaining, batches = iter(images), []
        while batch := list(islice(remaining, self.rows)):
            batches.append(self._encode_batch(self._encode_pixels, self._stacked(batch)))
        return _to_array(batches)

    @cached_property
    def resize(self) -> Callable[[Image.Image], Image.Image]:
        """open_clip's transform up to 8-bit pixels; scaling follows on the device, which so receives a quarter of the bytes."""
        from torchvision.transforms import Compose

        resize: Callable[[Image.Image], Image.Image] = Compose(self.loaded.transform.transforms[:-2])
        return resize

    @cached_property
    def _mean_and_deviation(self) -> tuple[Any, Any]:
        """The model's mean and standard deviation of each colour."""
        import torch

        norm = self.loaded.transform.transforms[-1]
        mean, deviation = (torch.tensor(values, device=self.device).view(1, 3, 1, 1) for values in (norm.mean, norm.std))
        return mean, deviation

    def _stacked(self, images: Sequence[Pixels]) -> Any:
        """The images as one tensor, for a GPU in pinned memory, which it reads while the CPU goes on."""
        import torch

        stacked = torch.empty((len(images), *images[0].shape), dtype=torch.uint8, pin_memory=self.device == "cuda")
        np.stack(images, out=stacked.numpy())
        return stacked

    def _encode_pixels(self, pixels: Any) -> Any:
        mean, deviation = self._mean_and_deviation
        images = pixels.permute(0, 3, 1, 2).float().div_(255).sub_(mean).div_(deviation)
        return self.loaded.model.encode_image(images.contiguous().to(self.dtype))

    def _encode_batch(self, encode: Callable[[Any], Any], chunk: Any) -> Any:
        """Encodes a batch as unit vectors on the device.

        The batch is filled up to `rows` with its first row: equal shapes take equal kernels, so a row's result does not depend on
        the other rows. The result stays on the device, so that the next batch is prepared while this one is computed.
        """
        import torch

        count = len(chunk)
        full = torch.cat([chunk, chunk[:1].expand(self.rows - count, *chunk.shape[1:])]) if count < self.rows else chunk
        if self.device == "cuda":
            full = full.pin_memory().to(self.device, non_blocking=True)
        with torch.inference_mode():
            return torch.nn.functional.normalize(encode(full).float(), dim=-1)[:count].half()


def _no_vectors() -> Vectors:
    return np.zeros((0, 1), np.float16)


def _to_array(batches: Sequence[Any]) -> Vectors:
    """Joins batches on the device to one array in memory."""
    import torch

    if not batches:
        return _no_vectors()
    vectors: Vectors = torch.cat(list(batches)).cpu().numpy()
    return vectors


def _with_context(model: Any, length: int) -> Any:
    """The same model, with the same weights, whose text tower has a context of `length` tokens."""
    import torch

    short = copy.copy(model)
    positions = model.positional_embedding[:length].detach()
    short._parameters = {**model._parameters, "positional_embedding": torch.nn.Parameter(positions, requires_grad=False)}
    short._buffers = {**model._buffers, "attn_mask": model.attn_mask[:length, :length].contiguous()}
    short.context_length = length
    return short
