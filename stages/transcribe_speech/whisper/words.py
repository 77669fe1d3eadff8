"""When each word was said, from Whisper's cross attention, for a batch at a time.

The method is whisper's own (`whisper.timing.find_alignment`: attention of the heads that follow time, normalised over the
words, median filtered, dynamic time warping), on features that are encoded already and for all rows at once; a test holds
it to the library's result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from interloom.stages.transcribe_speech.speech import Word

_SAMPLES_PER_FEATURE = 320
_FEATURES_PER_S = 50
_FILTER = 7
_BEFORE, _AFTER = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


@dataclass(frozen=True, slots=True)
class Heard:
    """What was decoded from a piece of so many samples."""

    tokens: Sequence[int]
    samples: int


def timed_words(model: Any, tokenizer: Any, heard: Sequence[Heard], features: Sequence[Any]) -> list[list[Word]]:
    """Words with times and probabilities; a piece without text has none."""
    import torch

    said = [[token for token in one.tokens if token < tokenizer.eot] for one in heard]
    begin = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    width = len(begin) + model.dims.n_text_ctx // 2 + 1
    rows = [[*begin, *tokens] for tokens in said]
    padded = [row + [tokenizer.eot] * (width - len(row)) for row in rows]
    logits, attention = _attended(model, torch.tensor(padded, device=model.device), torch.stack(list(features)))
    found = []
    for n, (tokens, one) in enumerate(zip(said, heard, strict=True)):
        frames = max(one.samples // _SAMPLES_PER_FEATURE, 1)
        spoken = logits[n, len(begin) - 1 : len(begin) - 1 + len(tokens), : tokenizer.eot].softmax(-1)
        probabilities = spoken[range(len(tokens)), tokens].tolist() if tokens else []
        matrix = _matrix(attention[n, :, : len(rows[n]) + 1, :frames], len(tokenizer.sot_sequence))
        found.append(list(_words(tokenizer, tokens, probabilities, matrix)) if tokens else [])
    return found


def _attended(model: Any, tokens: Any, features: Any) -> tuple[Any, Any]:
    """Logits (rows, tokens, words) and the attention of the heads that follow time (rows, heads, tokens, features)."""
    import torch
    from whisper.model import disable_sdpa

    heads = model.alignment_heads.to_dense().cpu()
    kept: dict[int, Any] = {}

    def keep(layer: int) -> Any:
        def hook(_: object, __: object, outs: Any) -> None:
            kept[layer] = outs[-1][:, heads[layer]]

        return hook

    with ExitStack() as hooks, torch.no_grad(), disable_sdpa():
        for layer in (n for n, row in enumerate(heads) if row.any()):
            handle = model.decoder.blocks[layer].cross_attn.register_forward_hook(keep(layer))
            hooks.callback(handle.remove)
        logits = model.decoder(tokens, features)
    return logits, torch.cat([kept[layer] for layer in sorted(kept)], dim=1)


def _matrix(weights: Any, skipped: int) -> Any:
    """How much each token attends to each feature: (tokens, features), without the tokens before the text."""
    import torch
    import torch.nn.functional as functional

    weights = weights.float().softmax(-1)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    weights = torch.nan_to_num((weights - mean) / deviation)
    reach = _FILTER // 2
    if weights.shape[-1] > reach:
        around = functional.pad(weights, (reach, reach, 0, 0), mode="reflect").unfold(-1, _FILTER, 1)
        weights = around.sort()[0][..., reach]
    return weights.mean(0)[skipped:-1].double().cpu().numpy()


def _words(tokenizer: Any, tokens: list[int], probabilities: list[float], matrix: Any) -> Iterator[Word]:
    from whisper.timing import WordTiming, dtw_cpu, merge_punctuations

    text_at, time_at = dtw_cpu(-matrix)
    words, word_tokens = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    ends = np.cumsum([len(one) for one in word_tokens[:-1]])
    jumps = time_at[np.pad(np.diff(text_at), (1, 0), constant_values=1).astype(bool)] / _FEATURES_PER_S
    timed = [
        WordTiming(word, list(ids), jumps[end - len(ids)], jumps[end], float(np.mean(probabilities[end - len(ids) : end])))
        for word, ids, end in zip(words, word_tokens, ends, strict=False)
    ]
    merge_punctuations(timed, _BEFORE, _AFTER)
    for one in timed:
        if one.word.strip():
            yield Word(one.word, float(one.start), float(one.end), one.probability)
