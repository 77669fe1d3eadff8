"""A tiny sentence-transformers model with random weights: two layers, vectors of 32 numbers, a context of 48 tokens."""

from __future__ import annotations

import json
from pathlib import Path

WORDS = (
    "the",
    "harbour",
    "wakes",
    "before",
    "town",
    "does",
    "and",
    "boats",
    "come",
    "in",
    "with",
    "what",
    "night",
    "a",
    "boat",
    "at",
)
CONTEXT = 48


def make(folder: Path) -> str:
    """Writes the model into a new folder, as the library would; the folder's path."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(7)
    characters = [*map(chr, range(33, 127))]
    vocabulary = dict.fromkeys(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *characters, *(f"##{c}" for c in characters)]
    )
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **size)
    folder.mkdir(parents=True)
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    types = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(types.items())
    ]
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True})
    )
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": CONTEXT, "do_lower_case": False}))
    (folder / "modules.json").write_text(json.dumps(modules))
    return str(folder)
