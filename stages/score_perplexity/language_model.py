"""A causal language model that tells how much each token of a text surprises it, in batches of fixed shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import ConfigError, in_a_line
from interloom.pipeline.store import storage
from interloom.pipeline.temporary import temporary_folder
from interloom.stages._embed.device import device_and_precision
from interloom.stages._embed.model_files import folder_of, local_folder
from interloom.stages._embed.shapes import batches

_TOKENS_OF_A_TEXT = 128
"""A batch has as many tokens as `batch_size` texts of so many; our choice."""
_MOST_TOKENS_ON_CPU = 512
"""Tokens of a batch on the CPU; larger batches are no faster there."""
_MOST_CONTEXT = 2048
"""Windows of a model that takes longer ones are no longer. Our choice."""
_NEEDED = ("config.json",)
_WEIGHTS_ENDINGS = (".safetensors", ".bin")


def problems(model: str) -> Iterator[str]:
    """What keeps the model from loading, one line for each problem. Loads nothing and downloads nothing."""
    missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
    folder = folder_of(model)
    if missing:
        yield f"needs {' and '.join(missing)}, not installed here; pip install 'interloom[embed]'"
    elif folder is None:
        yield f"model {model} is not in the local cache of Hugging Face; give a path or download it beforehand"
    else:
        names = [file.path.rpartition("/")[2] for file in storage.glob(folder.rstrip("/") + "/")]
        yield from (f"no language model at {folder}: it has no {name}" for name in _NEEDED if name not in names)
        if not any(name.endswith(_WEIGHTS_ENDINGS) for name in names):
            yield f"no weights in {folder} (looked for *.safetensors and *.bin)"


@dataclass(frozen=True)
class LanguageModel:
    """A loaded model on a device. `first` is the token before each window, `context` the most tokens of a window with it, and
    `tokens` those of a batch."""

    model: Any
    tokenizer: Any
    device: str
    first: int
    context: int
    tokens: int

    @classmethod
    def open(cls, model: str, *, batch_size: int, precision: str, device: str) -> LanguageModel:
        """Loads a model. Raises ConfigError if that fails or there is no GPU for `device` "cuda".

        Parameters:
            model: A name in the local cache, or a folder, local or s3.
            batch_size: Texts of 128 tokens that the model reads at once; on the CPU at most 4.
            precision: "fp32", "bf16" or "auto", which is bf16 on a GPU and fp32 on the CPU.
            device: "cpu", "cuda" or "auto", which takes the GPU if there is one.
        """
        problem = next(problems(model), None)
        if problem:
            raise ConfigError(problem)
        device, precision = device_and_precision(device, precision)
        loaded, tokenizer = _load(model, precision)
        first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if first is None:
            raise ConfigError(f"model {model} has neither a token that begins a text nor one that ends it")
        context = min(int(getattr(loaded.config, "max_position_embeddings", _MOST_CONTEXT)), _MOST_CONTEXT)
        tokens = batch_size * _TOKENS_OF_A_TEXT
        tokens = tokens if device == "cuda" else min(tokens, _MOST_TOKENS_ON_CPU)
        return cls(loaded.to(device).eval().requires_grad_(False), tokenizer, device, first, context, tokens)

    def surprises(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """The sum of the negative log likelihoods of each text's tokens, in nats, and how many tokens it has.

        Each text begins behind the token that begins texts. One that does not fit the context is cut into windows, each of which
        begins so; the sums are added.
        """
        tokens = self.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"] if texts else []
        room = self.context - 1
        windows = [(n, row[start : start + room]) for n, row in enumerate(tokens) for start in range(0, len(row), room)]
        sums = [0.0] * len(texts)
        for (n, _), value in zip(windows, self._sums([row for _, row in windows]), strict=True):
            sums[n] += value
        return [(value, len(row)) for value, row in zip(sums, tokens, strict=True)]

    def _sums(self, windows: Sequence[list[int]]) -> list[float]:
        sums = [0.0] * len(windows)
        for batch in batches([len(window) + 1 for window in windows], self.context, self.tokens):
            values = self._batch([windows[n] for n in batch.rows], batch.length, batch.most)
            for n, value in zip(batch.rows, values, strict=True):
                sums[n] = value
        return sums

    def _batch(self, windows: Sequence[list[int]], length: int, rows: int) -> list[float]:
        """The sums of a batch. It is filled up to `rows` with its first window, and all are padded to `length`: equal shapes take
        equal kernels, so a row's result does not depend on the other rows."""
        import torch

        filled = [*windows, *[windows[0]] * (rows - len(windows))]
        tokens = torch.full((rows, length), self.first)
        mask = torch.zeros((rows, length), dtype=torch.long)
        for row, window in enumerate(filled):
            tokens[row, 1 : len(window) + 1] = torch.tensor(window)
            mask[row, : len(window) + 1] = 1
        tokens, mask = tokens.to(self.device), mask.to(self.device)
        with torch.inference_mode():
            logits = self.model(input_ids=tokens, attention_mask=mask, use_cache=False).logits[:, :-1].float()
            surprise = torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
            sums = (surprise.double() * mask[:, 1:]).sum(dim=1)
        return [float(value) for value in sums[: len(windows)].cpu()]


def _load(model: str, precision: str) -> tuple[Any, Any]:
    """The model and its tokenizer; code of the model's own is not run. Raises ConfigError if files are damaged or do not fit."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    with temporary_folder("texts") as scratch:
        folder = str(local_folder(str(folder_of(model)), Path(scratch)))
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=dtype), tokenizer
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, OSError, ImportError, SafetensorError) as error:
            raise ConfigError(f"model {model} cannot be built with its weights: {in_a_line(error, 300)}") from error
