"""A sentence-transformers model that encodes texts in batches of fixed shapes, so that no row depends on another.

The library reads all that is published in its format (poolings, dense layers, normalisation); its own `encode` pads each text to
the longest of its batch, which changes the last bits of vectors with the neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from interloom.pipeline.errors import ConfigError, in_a_line
from interloom.pipeline.temporary import temporary_folder
from interloom.stages._clip.windows import windows
from interloom.stages._embed import model_files
from interloom.stages._embed.device import device_and_precision
from interloom.stages._embed.shapes import batches
from interloom.stages._embed.stored import Vectors

_TOKENS_OF_A_TEXT = 128
"""A batch has as many tokens as `batch_size` texts of so many; our choice."""
_MOST_TOKENS_ON_CPU = 256
"""Tokens of a batch on the CPU: larger batches are no faster there, and the last batch of each length has to be filled up."""
_NO_LIMIT = 1 << 20
"""Tokenizers without a limit state absurd numbers; from here on they count as none."""
_DEFAULT_CONTEXT = 512
"""The context of a model that states none, in tokens: that of BERT."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is used: what stands before each text (None: the model's default), the longest context (None: the model's own),
    texts of 128 tokens that are encoded at once, and precision and device as in `device_and_precision`."""

    prompt: str | None
    max_tokens: int | None
    batch_size: int
    precision: str
    device: str


@dataclass(frozen=True)
class SentenceModel:
    """A loaded model on a device. `context` is the most tokens of a text with its prompt, `tokens` those of a batch."""

    model: Any
    device: str
    prompt: str
    context: int
    tokens: int

    @classmethod
    def open(cls, model: str, settings: Settings) -> SentenceModel:
        """Loads a model: a name in the local cache, or a folder, local or s3. Raises ConfigError if that fails."""
        problem = next(model_files.problems(model), None)
        if problem:
            raise ConfigError(problem)
        device, precision = device_and_precision(settings.device, settings.precision)
        loaded = _load(model, device, precision)
        prompt = loaded.prompts.get(loaded.default_prompt_name, "") if settings.prompt is None else settings.prompt
        most = min(loaded.max_seq_length or _NO_LIMIT, loaded.tokenizer.model_max_length)
        context = min(settings.max_tokens or most, most if most < _NO_LIMIT else settings.max_tokens or _DEFAULT_CONTEXT)
        tokens = settings.batch_size * _TOKENS_OF_A_TEXT
        return cls(loaded, device, prompt, context, tokens if device == "cuda" else min(tokens, _MOST_TOKENS_ON_CPU))

    def windows(self, text: str) -> tuple[str, ...]:
        """The text itself if it fits the context beside its prompt, else windows that do; a blank text has none."""
        if not text.strip():
            return ()
        if len(text.encode("utf-8", "surrogatepass")) <= self._room or self._count_tokens(text) <= self._room:
            return (text,)
        return windows(text, self._room, self._count_tokens_of_word)

    @cached_property
    def _room(self) -> int:
        """Tokens that the context has for a text, beside its prompt and the special tokens."""
        taken = self.model.tokenizer.num_special_tokens_to_add() + self._count_tokens(self.prompt)
        if taken >= self.context:
            beside = f"the prompt and special tokens ({taken})"
            raise ConfigError(f"max_tokens: a context of {self.context} has no room for a text beside {beside}")
        return int(self.context - taken)

    def _count_tokens(self, text: str) -> int:
        return len(self.model.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    @cached_property
    def _count_tokens_of_word(self) -> Callable[[str], int]:
        """Counts are cached, because words recur."""
        return lru_cache(maxsize=1 << 18)(self._count_tokens)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns (n, d) unit vectors of texts that each fit the context; texts of similar length share batches."""
        import torch

        if not texts:
            return np.zeros((0, 1), np.float16)
        inputs = self._tokens(texts)
        order, encoded = list[int](), []
        for batch in batches([len(tokens) for tokens in inputs], self.context, self.tokens):
            order += batch.rows
            encoded.append(self._encode_batch([inputs[n] for n in batch.rows], batch.length, batch.most))
        vectors: Vectors = torch.cat(encoded).cpu().numpy()
        return vectors[np.argsort(order)]

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, with its prompt and the special tokens."""
        prompted = [self.prompt + text for text in texts]
        if getattr(self.model[0], "do_lower_case", False):
            prompted = [text.lower() for text in prompted]
        tokens: list[list[int]] = self.model.tokenizer(prompted, truncation=True, max_length=self.context)["input_ids"]
        return tokens

    def _encode_batch(self, inputs: Sequence[list[int]], length: int, rows: int) -> Any:
        """Encodes texts as unit vectors on the device.

        The batch is filled up to `rows` with its first text, and all texts are padded to `length`: equal shapes take equal
        kernels, so a row's result does not depend on the other rows.
        """
        import torch

        filled = [*inputs, *[inputs[0]] * (rows - len(inputs))]
        padded = self._pad({"input_ids": filled}, padding="max_length", max_length=length, return_tensors="pt")
        features = {name: values.to(self.device, non_blocking=True) for name, values in padded.items()}
        with torch.inference_mode():
            first, *others = self.model
            features = {
                name: value.float() if torch.is_tensor(value) and value.is_floating_point() else value
                for name, value in first(features).items()
            }  # pooling in bfloat16 would lose bits
            for module in others:
                features = module(features)
            vectors = torch.nn.functional.normalize(features["sentence_embedding"].float(), dim=-1)
            return vectors[: len(inputs)].nan_to_num().half()

    @cached_property
    def _pad(self) -> Callable[..., Any]:
        """Pads tokens on the side and with the token that the model wants."""
        tokenizer = self.model.tokenizer
        tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True  # it advises against padding apart
        pad: Callable[..., Any] = tokenizer.pad
        return pad


def _load(model: str, device: str, precision: str) -> Any:
    """The library's model in eval mode. Raises ConfigError if its files are damaged or do not fit."""
    import torch
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    had_bar = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    with ExitStack() as stack:
        stack.callback(logging.enable_progress_bar if had_bar else logging.disable_progress_bar)
        scratch = stack.enter_context(temporary_folder("texts"))
        folder = model_files.local_folder(str(model_files.folder_of(model)), Path(scratch))
        try:
            loaded = SentenceTransformer(str(folder), device=device, local_files_only=True, model_kwargs={"dtype": dtype})
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, OSError, ImportError, SafetensorError) as error:
            raise ConfigError(f"model {model} cannot be built with its weights: {in_a_line(error, 300)}") from error
    for module in list(loaded)[1:]:
        module.float()
    return loaded.eval().requires_grad_(False)
