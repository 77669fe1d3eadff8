"""A Whisper with random weights as a model of CTranslate2, for faster-whisper: its words are nonsense."""

from __future__ import annotations

import warnings
from pathlib import Path

BASE = 50257
"""Tokens of texts, before the special ones."""
ALL = 51865


def store(folder: Path) -> None:
    """Writes the model, with one layer of 16 numbers, and its tokenizer into the folder."""
    import torch
    from ctranslate2.converters.transformers import WhisperLoader
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    torch.manual_seed(11)
    sizes = {f"{side}_{name}": size for side in ("encoder", "decoder") for name, size in (("layers", 1), ("attention_heads", 2))}
    model = WhisperForConditionalGeneration(
        WhisperConfig(d_model=16, encoder_ffn_dim=32, decoder_ffn_dim=32, vocab_size=ALL, **sizes)
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.35)
    spec = WhisperLoader().get_model_spec(model)
    tokens = _tokens()
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [tokens.index("<|endoftext|>")]
    spec.config.alignment_heads = [(0, 0), (0, 1)]
    spec.config.lang_ids = list(range(tokens.index("<|en|>"), tokens.index("<|translate|>")))
    spec.validate()
    spec.save(str(folder))
    _store_tokenizer(tokens, folder / "tokenizer.json")


def _tokens() -> list[str]:
    """The tokens of texts in the letters that stand for their bytes, as GPT-2's tokenizers write them; then the special ones."""
    from tokenizers.pre_tokenizers import ByteLevel
    from whisper.tokenizer import get_tokenizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # whisper forgets to close its file
        encoding = get_tokenizer(True, num_languages=99).encoding
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in shown}
    letters |= {byte: chr(256 + n) for n, byte in enumerate(byte for byte in range(256) if byte not in letters)}
    assert set(letters.values()) == set(ByteLevel.alphabet())
    texts = ["".join(letters[byte] for byte in encoding.decode_single_token_bytes(n)) for n in range(BASE)]
    return [*texts, *(encoding.decode_single_token_bytes(n).decode() for n in range(BASE, ALL))]


def _store_tokenizer(tokens: list[str], path: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(vocab={token: n for n, token in enumerate(tokens[:BASE])}, merges=[]))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in tokens[BASE:]])
    tokenizer.save(str(path))
