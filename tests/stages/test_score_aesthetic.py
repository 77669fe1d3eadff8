"""Runs heads on vectors, also published ones if this machine has them, and the whole stage on the demo's tiny CLIP."""

from __future__ import annotations

import io
import os
import pickle
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from interloom.jobs.demo.shapes import draw
from interloom.pipeline.errors import ConfigError
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Quarantined, Side
from interloom.schemas.rows import side_tables
from interloom.stages.score_aesthetic import ScoreAesthetic
from interloom.stages.score_aesthetic.head import Head
from interloom.stages.score_clip import ScoreClip

torch = pytest.importorskip("torch")
ROOT = Path(__file__).parents[2]
SHAPES = ROOT / "jobs" / "demo" / "assets" / "shapes_clip"


def png(seed):
    file = io.BytesIO()
    draw(random.Random(seed), (120, 90))[0].save(file, "PNG")
    return file.getvalue()


def saved(path, tensors):
    torch.save(tensors, path)
    return str(path)


def linear(width=64, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return {"weight": torch.randn(1, width, generator=generator), "bias": torch.tensor([5.0])}


def layer_of_two():
    return {"layers.1.weight": torch.ones(1, 2), "layers.1.bias": torch.ones(1)}


def document(*images, id_="d"):
    return Document(id=id_, elements=tuple(Image(position=n, data=data) for n, data in enumerate(images)))


@pytest.fixture
def stage(tmp_path):
    return ScoreAesthetic(model=str(SHAPES), head=saved(tmp_path / "head.pth", linear()), device="cpu")


def rated(folder, backbone):
    return np.concatenate([np.load(folder / f"vit_{backbone}_embeddings" / f"rating{n}.npy") for n in range(10)])


@pytest.mark.shared_data("9_models/laion_aesthetic_v1", twin="test_a_linear_head_ranks_made_vectors_by_their_rating")
@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        ("l_14", [-2.46, -0.14, 1.90, 3.58, 5.10, 6.47, 7.79, 9.05, 10.23, 11.30]),
        ("b_32", [-1.47, None, None, None, None, None, None, None, None, 11.01]),
    ],
)
def test_the_first_head_ranks_real_mean_embeddings_by_their_rating(backbone, expected, shared_data):
    folder = shared_data / "9_models" / "laion_aesthetic_v1"
    scores = Head.open(str(folder / f"sa_0_4_vit_{backbone}_linear.pth"), "none")(rated(folder, backbone))
    assert (np.diff(scores) > 0).all()
    assert [round(score, 2) for score, value in zip(scores, expected, strict=True) if value is not None] == [
        value for value in expected if value is not None
    ]


@pytest.mark.shared_data(
    "9_models/laion_aesthetic_v1",
    "9_models/improved_aesthetic_v2",
    twin="test_a_head_of_layers_ranks_made_vectors_by_their_rating",
)
def test_the_second_head_ranks_real_mean_embeddings_by_their_rating(shared_data):
    head = Head.open(str(shared_data / "9_models/improved_aesthetic_v2/sac+logos+ava1-l14-linearMSE.pth"), "none")
    scores = head(rated(shared_data / "9_models" / "laion_aesthetic_v1", "l_14"))
    assert np.round(scores, 2).tolist() == [1.66, 2.36, 3.07, 3.67, 4.24, 4.70, 5.07, 5.37, 5.58, 5.75]


@pytest.mark.shared_data("9_models/laion_aesthetic_v1", twin="test_a_head_of_another_width_is_refused")
def test_a_head_of_another_clip_is_refused(shared_data):
    head = shared_data / "9_models" / "laion_aesthetic_v1" / "sa_0_4_vit_l_14_linear.pth"
    stage = ScoreAesthetic(model=str(SHAPES), head=str(head), device="cpu")
    with pytest.raises(ConfigError, match=r"takes vectors of 768, and .* gives 64"):
        list(stage.process([document(png(1))]))


def made_vectors():
    """Vectors whose direction turns from (1, 0) to (0, 1); their lengths say nothing of the rating."""
    turned = np.linspace(0, np.pi / 2, 4)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1) * [[3.0], [0.5], [20.0], [1.0]]


def test_a_linear_head_ranks_made_vectors_by_their_rating(tmp_path):
    path = saved(tmp_path / "h.pth", {"weight": torch.tensor([[-2.0, 8.0]]), "bias": torch.tensor([3.0])})
    assert np.round(Head.open(path, "none")(made_vectors()), 2).tolist() == [1.0, 5.27, 8.93, 11.0]


def test_a_head_of_layers_ranks_made_vectors_by_their_rating(tmp_path):
    tensors = {"layers.0.weight": torch.tensor([[0.0, 2.0], [1.0, 0.0]]), "layers.0.bias": torch.tensor([0.0, 0.5])}
    tensors |= {"layers.2.weight": torch.tensor([[4.0, -2.0]]), "layers.2.bias": torch.tensor([4.0])}
    scores = Head.open(saved(tmp_path / "h.pth", tensors), "none")(made_vectors())
    assert np.round(scores, 2).tolist() == [1.0, 5.27, 8.93, 11.0]


def test_a_head_of_another_width_is_refused(tmp_path):
    stage = ScoreAesthetic(model=str(SHAPES), head=saved(tmp_path / "h.pth", linear(768)), device="cpu")
    with pytest.raises(ConfigError, match=r"takes vectors of 768, and .* gives 64"):
        list(stage.process([document(png(1))]))


def test_the_score_of_an_image_is_the_output_of_the_head_for_its_vector(stage, tmp_path):
    from interloom.stages._clip.towers import Towers

    (doc,) = stage.process([document(png(1), png(2))])
    vectors, _ = Towers.open(str(SHAPES), None, batch_size=4, precision="auto", device="cpu").embed_images([png(1), png(2)])
    vectors = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    expected = vectors @ linear()["weight"][0].double().numpy() + 5
    assert [image.scores["aesthetic"] for image in doc.images] == pytest.approx(expected.tolist(), abs=1e-4)
    assert doc.scores["aesthetic"] == pytest.approx(expected.mean(), abs=1e-4)


def stored_by_clip(*docs):
    """The rows that score_clip stores about these documents."""
    clip = ScoreClip(model=str(SHAPES), device="cpu")
    return list(side_tables("embeddings", [out.row for out in clip.process(docs) if isinstance(out, Side)]))


def without_model(stage):
    """The stage, whose model is never loaded: reaching for it raises."""
    object.__setattr__(stage, "device", "no such device")
    return stage


def test_vectors_that_score_clip_stored_give_the_same_scores_without_the_model(stage):
    docs = [document(png(1), png(2)), document(png(3), id_="e")]
    expected = list(stage.process(docs))
    again = replace(stage, batch_size=2)
    assert list(without_model(again).process_with(docs, {"embeddings": stored_by_clip(*docs)})) == expected


def test_a_child_uses_the_vectors_of_the_document_that_it_was_cut_from(stage):
    whole = document(png(1), png(2))
    child = replace(whole, id="d#1", elements=whole.elements[1:])
    (expected,) = stage.process([child])
    assert list(without_model(replace(stage)).process_with([child], {"embeddings": stored_by_clip(whole)})) == [expected]


def test_vectors_of_other_weights_are_not_used(stage):
    doc = document(png(1))
    rows = [table.set_column(table.schema.get_field_index("revision"), "revision", pa.array(["other"] * len(table)))
            for table in stored_by_clip(doc)]  # fmt: skip
    with pytest.raises(ConfigError, match="no such device"):
        list(without_model(stage).process_with([doc], {"embeddings": rows}))


def test_an_image_without_a_stored_vector_goes_through_the_model(stage):
    known, new = document(png(1)), document(png(2), id_="e")
    expected = list(stage.process([known, new]))
    assert list(stage.process_with([known, new], {"embeddings": stored_by_clip(known)})) == expected


def test_scores_do_not_depend_on_the_batch(stage):
    docs = [document(png(n), png(n + 50), id_=f"d{n}") for n in range(9)]
    together = list(stage.process(docs))
    assert together == [next(iter(stage.process([doc]))) for doc in docs]


def test_layers_without_activation_are_one_layer(tmp_path):
    tensors = {"layers.0.weight": torch.randn(8, 5), "layers.0.bias": torch.randn(8), "layers.2.weight": torch.randn(1, 8)}
    tensors["layers.2.bias"] = torch.randn(1)
    head = Head.open(saved(tmp_path / "h.pth", tensors), "none")
    single = {"weight": tensors["layers.2.weight"] @ tensors["layers.0.weight"]}
    single["bias"] = tensors["layers.2.weight"] @ tensors["layers.0.bias"] + tensors["layers.2.bias"]
    vectors = np.random.default_rng(0).normal(size=(7, 5))
    assert head(vectors) == pytest.approx(Head.open(saved(tmp_path / "o.pth", single), "none")(vectors), abs=1e-5)


def test_relu_is_applied_between_layers_and_not_after_the_last(tmp_path):
    tensors = {"layers.0.weight": -torch.eye(2), "layers.0.bias": torch.zeros(2), "layers.3.weight": -torch.ones(1, 2)}
    path = saved(tmp_path / "h.pth", {**tensors, "layers.3.bias": torch.zeros(1)})
    vectors = np.array([[3.0, 4.0], [-3.0, -4.0]])
    assert Head.open(path, "none")(vectors).tolist() == pytest.approx([1.4, -1.4])
    assert Head.open(path, "relu")(vectors).tolist() == pytest.approx([0, -1.4])


def test_a_state_dict_inside_a_checkpoint_is_found(tmp_path):
    path = saved(tmp_path / "h.ckpt", {"state_dict": {f"model.{k}": v for k, v in linear(3).items()}, "epoch": 4})
    assert Head.open(path, "none").width == 3


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"weight": torch.ones(1, 4)},
        {"weight": torch.ones(2, 4), "bias": torch.ones(2)},
        {"weight": torch.ones(4), "bias": torch.ones(1)},
        {"weight": torch.ones(1, 4), "bias": torch.ones(3)},
        {"layers.0.weight": torch.ones(3, 4), "layers.0.bias": torch.ones(3), **layer_of_two()},
        {"weight": torch.ones(1, 4), "bias": torch.ones(1), "something": torch.ones(1)},
        [torch.ones(1, 4)],
    ],
)  # fmt: skip
def test_tensors_that_are_not_a_head_are_refused(tensors, tmp_path):
    with pytest.raises(ConfigError, match=r"head .*h\.pth"):
        Head.open(saved(tmp_path / "h.pth", tensors), "none")


class Bomb:
    def __reduce__(self):
        return os.mkdir, (os.environ["BOMB_TARGET"],)


@pytest.mark.parametrize("kind", ["pickle", "zip", "cut", "text"])
def test_a_file_that_contains_code_or_is_cut_is_refused(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("BOMB_TARGET", str(tmp_path / "code ran"))
    path = tmp_path / "head.pth"
    if kind == "zip":
        torch.save({"weight": Bomb()}, path)
    elif kind == "cut":
        torch.save(linear(), path)
        path.write_bytes(path.read_bytes()[:200])
    else:
        path.write_bytes(pickle.dumps({"weight": Bomb()}) if kind == "pickle" else b"not a model")
    with pytest.raises(ConfigError, match=r"head\.pth is refused"):
        Head.open(str(path), "none")
    assert not (tmp_path / "code ran").exists()


def test_an_image_that_cannot_be_decoded_is_quarantined_with_its_text(stage):
    doc = Document(
        id="d",
        elements=(
            Image(position=0, data=b"<html>"), Text(position=1, text="x", of=0), Image(position=2, data=png(1)), Image(position=3)
        ),
    )  # fmt: skip
    first, second, out = stage.process([doc])
    assert isinstance(first, Quarantined) and (first.position, second.position) == (0, 3)
    assert [element.position for element in out.elements] == [2]
    assert out.scores["aesthetic"] == out.images[0].scores["aesthetic"]


def test_a_document_without_images_passes_and_loads_no_model(tmp_path):
    stage = ScoreAesthetic(model="ViT-L-14", head=str(tmp_path / "none"))
    doc = Document(id="d", elements=(Text(position=0, text="x"),))
    assert list(stage.process([doc])) == [doc]


def test_a_missing_head_and_a_misspelt_model_are_problems(tmp_path):
    problems = list(ScoreAesthetic(model="ViT-L15", head=str(tmp_path / "none.pth"), batch_size=0).check())
    assert [problem.split(":")[0] for problem in problems[:2]] == ["head", "batch_size"]
    assert "no model 'ViT-L15' in open_clip; did you mean 'ViT-L-" in problems[2]
