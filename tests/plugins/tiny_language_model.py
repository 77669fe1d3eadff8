"""A tiny causal language model with random weights: GPT-2 with two layers, a token for each byte, a context of 32."""

from __future__ import annotations

from pathlib import Path

CONTEXT = 32


def make(folder: Path) -> str:
    """Writes the model into a new folder, as the library would; the folder's path."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(5)
    vocabulary = {token: n for n, token in enumerate(["<end>", *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    size = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT, "vocab_size": len(vocabulary)}
    config = GPT2Config(**size, bos_token_id=0, eos_token_id=0, initializer_range=0.3)
    GPT2LMHeadModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<end>", eos_token="<end>").save_pretrained(folder)
    return str(folder)
