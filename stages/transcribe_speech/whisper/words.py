"""Computes the times of words from Whisper's cross attention, a batch at a time.

The method is whisper's own (`whisper.timing.find_alignment`): the attention of the heads that follow time is normalised over the
words, median filtered, and aligned by dynamic time warping. Here it takes features that are already encoded, of all rows at once;
a test compares it with the library's result.
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
_MEDIAN_WIDTH = 7
"""Features that the median filter covers: whisper's default."""
JOINED_TO_NEXT = "\"'“¿([{-"
"""Punctuation that belongs to the word behind it: whisper's default."""
JOINED_TO_PREVIOUS = "\"'.。,，!！?？:：”)]}、"
"""Punctuation that belongs to the word before it: whisper's default."""


@dataclass(frozen=True, slots=True)
class DecodedChunk:
    """The tokens that were decoded from a chunk of audio, and the number of its samples."""

    tokens: Sequence[int]
    samples: int


def timed_words(
    model: Any, tokenizer: Any, decoded: Sequence[DecodedChunk], features: Sequence[Any], *, is_padded: bool = True
) -> list[list[Word]]:
    """The words of each chunk with probabilities and times in seconds of the chunk; no words for a chunk without text.

    model: whisper's model.
    tokenizer: whisper's tokenizer for the language of the chunks.
    decoded: The chunks.
    features: The encoded audio of each chunk.
    is_padded: Whether rows are as long as the longest possible text, so that a row does not depend on its batch.
    """
    import torch

    texts = [[token for token in chunk.tokens if token < tokenizer.eot] for chunk in decoded]
    start = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    rows = [[*start, *tokens] for tokens in texts]
    width = len(start) + model.dims.n_text_ctx // 2 + 1 if is_padded else max(map(len, rows)) + 1
    padded = [row + [tokenizer.eot] * (width - len(row)) for row in rows]
    logits, attention = _decode_with_attention(model, torch.tensor(padded, device=model.device), torch.stack(list(features)))
    words = []
    for n, (tokens, chunk) in enumerate(zip(texts, decoded, strict=True)):
        length = max(chunk.samples // _SAMPLES_PER_FEATURE, 1)
        distributions = logits[n, len(start) - 1 : len(start) - 1 + len(tokens), : tokenizer.eot].softmax(-1)
        probabilities = distributions[range(len(tokens)), tokens].tolist() if tokens else []
        matrix = _alignment_matrix(attention[n, :, : len(rows[n]) + 1, :length], len(tokenizer.sot_sequence))
        words.append(list(_words(tokenizer, tokens, probabilities, matrix)) if tokens else [])
    return words


def _decode_with_attention(model: Any, tokens: Any, features: Any) -> tuple[Any, Any]:
    """The logits (rows, tokens, vocabulary) and the attention of the heads that follow time (rows, heads, tokens, features)."""
    import torch
    from whisper.model import disable_sdpa

    heads = model.alignment_heads.to_dense().cpu()
    attention: dict[int, Any] = {}

    def keep_attention_of(layer: int) -> Any:
        def hook(_: object, __: object, outputs: Any) -> None:
            attention[layer] = outputs[-1][:, heads[layer]]

        return hook

    with ExitStack() as hooks, torch.no_grad(), disable_sdpa():
        for layer in (n for n, row in enumerate(heads) if row.any()):
            handle = model.decoder.blocks[layer].cross_attn.register_forward_hook(keep_attention_of(layer))
            hooks.callback(handle.remove)
        logits = model.decoder(tokens, features)
    return logits, torch.cat([attention[layer] for layer in sorted(attention)], dim=1)


def _alignment_matrix(weights: Any, start_tokens: int) -> Any:
    """How much each token of the text attends to each feature, (tokens, features), from the attention of one row.

    The first `start_tokens` and the last token are not text.
    """
    import torch
    import torch.nn.functional as functional

    weights = weights.float().softmax(-1)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    weights = torch.nan_to_num((weights - mean) / deviation)
    reach = _MEDIAN_WIDTH // 2
    if weights.shape[-1] > reach:
        windows = functional.pad(weights, (reach, reach, 0, 0), mode="reflect").unfold(-1, _MEDIAN_WIDTH, 1)
        weights = windows.sort()[0][..., reach]
    return weights.mean(0)[start_tokens:-1].double().cpu().numpy()


def _words(tokenizer: Any, tokens: list[int], probabilities: list[float], matrix: Any) -> Iterator[Word]:
    """The words of a row, punctuation joined to them, with the times at which the alignment enters and leaves them."""
    from whisper.timing import WordTiming, dtw_cpu, merge_punctuations

    text_indices, time_indices = dtw_cpu(-matrix)
    words, word_tokens = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    ends = np.cumsum([len(ids) for ids in word_tokens[:-1]])
    is_next_token = np.pad(np.diff(text_indices), (1, 0), constant_values=1).astype(bool)
    token_times = time_indices[is_next_token] / _FEATURES_PER_S
    timings = [
        WordTiming(
            word,
            list(ids),
            token_times[end - len(ids)],
            token_times[end],
            float(np.mean(probabilities[end - len(ids) : end])),
        )
        for word, ids, end in zip(words, word_tokens, ends, strict=False)
    ]
    merge_punctuations(timings, JOINED_TO_NEXT, JOINED_TO_PREVIOUS)
    for timing in timings:
        if timing.word.strip():
            yield Word(timing.word, float(timing.start), float(timing.end), timing.probability)
