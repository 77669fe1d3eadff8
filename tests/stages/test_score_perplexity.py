"""Perplexity is that of the library, whatever else is in the batch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import tiny_language_model

from interloom.schemas.document import Document, Image, Text
from interloom.stages.score_perplexity import ScorePerplexity

pytestmark = pytest.mark.slow  # imports torch

TEXTS = ["The harbour wakes.", "a", "Boats come in with what the night has given them, and leave at dawn.", "zq#9\u00df"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_language_model.make(tmp_path_factory.mktemp("model") / "gpt")


def doc(*texts: str) -> Document:
    return Document(id="a", elements=tuple(Text(position=n, text=text) for n, text in enumerate(texts)))


def perplexities(model: str, *texts: str, **parameters: Any) -> list[float]:
    [scored] = ScorePerplexity(model=model, device="cpu", **parameters).process([doc(*texts)])
    assert isinstance(scored, Document)
    return [element.scores["perplexity"] for element in scored.elements]


def of_the_library(model: str, text: str) -> float:
    """The loss that the library computes for each window alone, without padding."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network = AutoModelForCausalLM.from_pretrained(model).eval()
    tokens = AutoTokenizer.from_pretrained(model)(text)["input_ids"]
    room, total = tiny_language_model.CONTEXT - 1, 0.0
    for start in range(0, len(tokens), room):
        window = torch.tensor([[0, *tokens[start : start + room]]])
        with torch.inference_mode():
            total += float(network(input_ids=window, labels=window).loss) * (window.shape[1] - 1)
    return math.exp(total / len(tokens))


def test_the_perplexity_is_that_of_the_library_and_long_texts_are_read_in_windows(model: str) -> None:
    assert perplexities(model, *TEXTS) == pytest.approx([of_the_library(model, text) for text in TEXTS], rel=1e-4)


def test_a_text_has_the_same_perplexity_in_every_batch(model: str) -> None:
    together = perplexities(model, *TEXTS, batch_size=1)
    assert [perplexities(model, text, batch_size=1)[0] for text in TEXTS] == together
    assert perplexities(model, *TEXTS[::-1], batch_size=1) == together[::-1]


def test_a_document_is_scored_as_a_whole_where_the_recipe_wants_it(model: str) -> None:
    [scored] = ScorePerplexity(model=model, on="document", device="cpu").process([doc("One.", "Two.")])
    assert isinstance(scored, Document)
    assert scored.scores["perplexity"] == pytest.approx(of_the_library(model, "One.\n\nTwo."), rel=1e-4)


def test_blank_texts_captions_and_images_get_no_score(model: str) -> None:
    elements = Text(position=0, text=" "), Image(position=1), Text(position=2, text="A boat.", origin="caption", of=1)
    [scored] = ScorePerplexity(model=model, device="cpu").process([Document(id="a", elements=elements)])
    assert isinstance(scored, Document)
    assert [element.scores for element in scored.elements] == [{}, {}, {}]


def test_a_folder_without_a_model_is_refused_before_a_run(tmp_path: Path) -> None:
    assert [*ScorePerplexity(model=str(tmp_path)).check()] == [
        f"no language model at {tmp_path}: it has no config.json",
        f"no weights in {tmp_path} (looked for *.safetensors and *.bin)",
    ]


def test_damaged_weights_are_one_clear_error(model: str, tmp_path: Path) -> None:
    from interloom.pipeline.errors import ConfigError

    for file in Path(model).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[: 100 if file.suffix == ".safetensors" else None])
    with pytest.raises(ConfigError, match="cannot be built with its weights"):
        perplexities(str(tmp_path), "One.")
