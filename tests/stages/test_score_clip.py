"""Real open_clip code on the tiny CLIP of shapes that ships with the demo."""

import hashlib
import io
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from interloom.jobs.demo.shapes import PHRASINGS, Scene, draw, paint
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Quarantined, Side
from interloom.stages.score_clip import ScoreClip

ROOT = Path(__file__).parents[2]
SHAPES = ROOT / "jobs" / "demo" / "assets" / "shapes_clip"
RED = Scene(number=1, large=True, pattern="plain", colour="red", shape="circle", background="white", place="in the centre")
BLUE = Scene(number=3, large=True, pattern="striped", colour="blue", shape="star", background="black", place="in the centre")
RED_CAPTION = RED.caption(PHRASINGS[0])
BLUE_CAPTION = BLUE.caption(PHRASINGS[0])
PROSE = "The council met on Tuesday and spoke about the budget of the library for the coming year."


@pytest.fixture(scope="module")
def stage():
    return ScoreClip(model=str(SHAPES), device="cpu")


def png(pixels):
    file = io.BytesIO()
    pixels.save(file, "PNG")
    return file.getvalue()


def image(position, shown=RED, *, alt="", seed=1):
    """An image of a Scene, or of these encoded bytes."""
    data = shown if isinstance(shown, bytes) else png(paint(shown, random.Random(seed), (160, 120)))
    return Image(position=position, data=data, sha256=hashlib.sha256(data).hexdigest(), alt=alt, format="png")


def text(position, words, **more):
    return Text(position=position, text=words, **more)


def document(*elements, name="d"):
    return Document(id=name, elements=elements)


def scored(stage, *docs):
    return [out for out in stage.process(docs) if isinstance(out, Document)]


def sides(stage, *docs):
    return [out.row for out in stage.process(docs) if isinstance(out, Side)]


def drawn_documents(count):
    rng = random.Random(5)
    docs = []
    for n in range(count):
        pixels, caption = draw(rng, (rng.randrange(80, 200), rng.randrange(80, 200)))
        docs.append(document(text(0, PROSE * (n % 4)), image(1, png(pixels), alt=caption), text(2, caption), name=f"d{n}"))
    return docs


def test_right_captions_score_above_wrong_ones(stage):
    rng = random.Random(3)
    pairs = [draw(rng) for _ in range(16)]
    captions = [text(n, caption) for n, (_, caption) in enumerate(pairs)]
    docs = [document(*captions, image(16, png(pixels))) for pixels, _ in pairs]
    best = [[caption.scores["clip_best"] for caption in doc.texts] for doc in scored(stage, *docs)]
    assert sum(row.index(max(row)) == n for n, row in enumerate(best)) >= 13


def test_prose_scores_low_and_a_caption_high(stage):
    (prose,), (captioned,) = (scored(stage, document(text(0, words), image(1))) for words in (PROSE, RED_CAPTION))
    assert prose.scores["clip"] < 0.3
    assert captioned.scores["clip"] > 0.5


def test_clip_is_of_the_nearest_blocks_and_clip_best_of_all_texts(stage):
    (doc,) = scored(stage, document(text(0, RED_CAPTION), text(1, PROSE), image(2), text(3, PROSE + " Nobody objected.")))
    shown = doc.images[0].scores
    assert shown["clip_best"] == doc.texts[0].scores["clip_best"] > shown["clip"]
    assert shown["clip"] == max(doc.texts[1].scores["clip_best"], doc.texts[2].scores["clip_best"])


def test_more_neighbours_reach_further(stage):
    doc = document(text(0, RED_CAPTION), text(1, PROSE), image(2))
    (wide,) = scored(replace(stage, neighbours=2), doc)
    assert wide.scores["clip"] == wide.scores["clip_best"]


def test_alt_text_and_captions_are_neighbouring_text_at_any_distance(stage):
    (by_alt,) = scored(stage, document(text(0, PROSE), image(1, alt=RED_CAPTION)))
    (by_caption,) = scored(
        stage, document(image(0), text(1, PROSE), text(2, PROSE), text(3, RED_CAPTION, origin="caption", of=0))
    )
    assert by_alt.scores["clip"] == by_caption.scores["clip"] > 0.5


def test_another_images_caption_is_not_neighbouring_text(stage):
    (doc,) = scored(stage, document(image(0, BLUE), text(1, RED_CAPTION, origin="caption", of=0), image(2), text(3, PROSE)))
    assert doc.images[1].scores["clip"] < 0.3 < doc.images[1].scores["clip_best"]


def test_a_document_gets_mean_least_and_best(stage):
    (doc,) = scored(stage, document(image(0, RED, alt=RED_CAPTION), image(1, BLUE, alt=RED_CAPTION)))
    right, wrong = (shown.scores["clip"] for shown in doc.images)
    assert doc.scores == {"clip": round((right + wrong) / 2, 4), "clip_min": wrong, "clip_best": right}


def test_without_images_or_text_there_are_no_scores(stage):
    no_text, no_image, blank_text, empty = scored(
        stage, document(image(0)), document(text(0, RED_CAPTION)), document(image(0), text(1, " \n")), document()
    )
    assert [doc.scores for doc in (no_text, no_image, blank_text, empty)] == [{}, {}, {}, {}]


def test_a_caption_at_the_end_of_a_long_text_counts(stage):
    (doc,) = scored(stage, document(text(0, "the " * 150 + RED_CAPTION), image(1)))
    assert doc.scores["clip"] == scored(stage, document(text(0, RED_CAPTION), image(1)))[0].scores["clip"]
    assert [row["window"] for row in sides(stage, doc) if row["kind"] == "text"] == [0, 1, 2]


def test_scores_do_not_depend_on_the_batch(stage):
    docs = drawn_documents(19)
    together = list(stage.process(docs))
    of = {doc.id: [out for out in together if doc.id == (out.row["id"] if isinstance(out, Side) else out.id)] for doc in docs}
    assert all(list(stage.process([doc])) == of[doc.id] for doc in docs[::5])


def test_scores_do_not_depend_on_the_order(stage):
    docs = drawn_documents(7)
    forward, backward = list(stage.process(docs)), list(stage.process(docs[::-1]))
    assert sorted(map(repr, forward)) == sorted(map(repr, backward))


def test_one_thread_and_two_give_the_same(stage):
    import torch

    docs, before = drawn_documents(17), torch.get_num_threads()
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        results.append(list(replace(stage).process(docs)))
    torch.set_num_threads(before)
    assert results[0] == results[1]


def test_equal_images_and_texts_are_encoded_once(stage):
    (doc, *_) = docs = [document(image(0, alt=RED_CAPTION), text(1, RED_CAPTION), name=str(n)) for n in range(40)]
    assert len({row["vector"] for row in sides(stage, *docs)}) == 2
    assert {out.scores["clip"] for out in scored(stage, *docs)} == {scored(stage, doc)[0].scores["clip"]}


def test_embeddings_are_unit_vectors_of_float16(stage):
    rows = sides(stage, document(image(4, alt=RED_CAPTION), text(7, PROSE), name="d"))
    assert [(row["id"], row["position"], row["window"], row["kind"]) for row in rows] == [
        ("d", 4, 0, "image"), ("d", 4, 0, "text"), ("d", 7, 0, "text"),
    ]  # fmt: skip
    vectors = np.stack([np.frombuffer(row["vector"], "<f2") for row in rows]).astype(float)
    assert vectors.shape == (3, 64)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)
    assert {(row["model"], len(row["revision"])) for row in rows} == {(str(SHAPES), 16)}


def test_embeddings_are_kept_only_when_asked_for(stage):
    assert sides(replace(stage, keep_embeddings=False), document(image(0, alt=RED_CAPTION))) == []


def test_vectors_are_those_of_open_clip_itself(stage):
    import open_clip
    import torch
    from PIL import Image as Pillow

    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{SHAPES}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{SHAPES}")
    shown = image(0, BLUE, alt=BLUE_CAPTION)
    with torch.inference_mode():
        image_vectors = model.eval().encode_image(preprocess(Pillow.open(io.BytesIO(shown.data)))[None], normalize=True)
        text_vectors = model.encode_text(tokenizer([BLUE_CAPTION]), normalize=True)
    ours = [np.frombuffer(row["vector"], "<f2") for row in sides(stage, document(shown))]
    assert ours[0] == pytest.approx(image_vectors[0].numpy(), abs=5e-4)
    assert ours[1] == pytest.approx(text_vectors[0].numpy(), abs=5e-4)


def test_a_broken_image_is_quarantined_with_its_caption_and_its_neighbours_stay(stage):
    whole = image(0, alt=RED_CAPTION)
    doc = document(whole, image(1, whole.data[:300]), text(2, BLUE_CAPTION, of=1), image(3, b"<html>"))
    out = list(replace(stage, keep_embeddings=False).process([doc]))
    assert [(decision.position, decision.error.split(" (")[0]) for decision in out if isinstance(decision, Quarantined)] == [
        (1, "cannot be decoded"), (3, "the bytes are not an image of a known format"),
    ]  # fmt: skip
    assert [element.position for element in out[-1].elements] == [0]
    assert out[-1].scores["clip"] > 0.5


def test_an_image_without_bytes_is_quarantined(stage):
    quarantined, doc = stage.process([document(Image(position=0, url="http://a/b.png"))])
    assert quarantined == Quarantined("d", "the image has no bytes to score; fetch images first", 0, "http://a/b.png")
    assert doc.elements == ()


def test_transparent_images_are_composed_on_white(stage):
    from PIL import Image as Pillow

    clear = paint(RED, random.Random(1), (160, 120)).convert("RGBA")
    clear.putdata([(0, 0, 0, 0) if min(rgb[:3]) > 180 else rgb for rgb in clear.get_flattened_data()])
    (on_nothing, on_white) = scored(
        stage,
        document(image(0, png(clear), alt=RED_CAPTION)),
        document(image(0, png(Pillow.alpha_composite(Pillow.new("RGBA", clear.size, "white"), clear)), alt=RED_CAPTION)),
    )
    assert on_nothing.scores == on_white.scores


def test_weights_may_be_in_another_folder_than_the_configuration(stage, tmp_path):
    config = json.loads((SHAPES / "open_clip_config.json").read_text())
    (tmp_path / "shapes.json").write_text(json.dumps(config))
    apart = ScoreClip(model=str(tmp_path / "shapes.json"), pretrained=str(SHAPES / "model.safetensors"), device="cpu")
    doc = document(image(0, alt=RED_CAPTION))
    assert list(apart.check()) == []
    assert scored(apart, doc) == scored(stage, doc)


def test_a_torch_checkpoint_gives_the_same_scores(stage, tmp_path):
    import torch
    from safetensors.torch import load_file

    torch.save({"state_dict": load_file(SHAPES / "model.safetensors")}, tmp_path / "w.pt")
    zipped = ScoreClip(model=str(SHAPES), pretrained=str(tmp_path / "w.pt"), device="cpu")
    doc = document(image(0, alt=RED_CAPTION))
    assert scored(zipped, doc) == scored(stage, doc)


class Bomb:
    def __reduce__(self):
        return os.mkdir, (os.environ["BOMB_TARGET"],)


@pytest.mark.parametrize("kind", ["pickle", "zip"])
def test_a_checkpoint_that_contains_code_is_refused(kind, tmp_path, monkeypatch):
    import torch

    target = tmp_path / "code ran"
    monkeypatch.setenv("BOMB_TARGET", str(target))
    hostile = tmp_path / "hostile.pt"
    if kind == "zip":
        torch.save({"state_dict": Bomb()}, hostile)
    else:
        hostile.write_bytes(pickle.dumps({"state_dict": Bomb()}))
    stage = ScoreClip(model=str(SHAPES), pretrained=str(hostile), device="cpu")
    with pytest.raises(ConfigError, match=r"hostile\.pt is refused: not plain tensors"):
        scored(stage, document(image(0, alt=RED_CAPTION)))
    assert not target.exists()


@pytest.mark.parametrize("name", ["cut.safetensors", "cut.pt"])
def test_the_error_of_a_cut_checkpoint_names_it(name, tmp_path):
    (tmp_path / name).write_bytes((SHAPES / "model.safetensors").read_bytes()[:5000])
    stage = ScoreClip(model=str(SHAPES), pretrained=str(tmp_path / name), device="cpu")
    with pytest.raises(ConfigError, match=name):
        scored(stage, document(image(0, alt=RED_CAPTION)))


def test_weights_of_another_model_do_not_load(tmp_path):
    config = json.loads((SHAPES / "open_clip_config.json").read_text())
    config["model_cfg"]["embed_dim"] = 32
    (tmp_path / "other.json").write_text(json.dumps(config))
    stage = ScoreClip(model=str(tmp_path / "other.json"), pretrained=str(SHAPES / "model.safetensors"), device="cpu")
    with pytest.raises(ConfigError, match="cannot be built with its weights"):
        scored(stage, document(image(0, alt=RED_CAPTION)))


def test_the_shipped_model_passes_the_check(stage):
    assert list(stage.check()) == []


def problem(**parameters):
    (line,) = ScoreClip(**parameters).check()
    return line


def test_the_problem_of_a_misspelt_model_names_the_nearest():
    assert problem(model="ViT-L14") == "no model 'ViT-L14' in open_clip; did you mean 'ViT-L-14'?"


def test_the_problem_of_a_misspelt_tag_names_the_nearest():
    assert problem(model="ViT-L-14", pretrained="opnai") == (
        "'opnai' is neither a tag of ViT-L-14 nor a checkpoint; did you mean 'openai'?"
    )


def test_a_name_alone_asks_for_weights():
    assert problem(model="ViT-B/32").startswith("model ViT-B/32 needs `pretrained`: a tag (openai, ")


def test_a_tag_that_is_not_downloaded_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    line = problem(model="ViT-B-32", pretrained="laion2b_s34b_b79k")
    assert line.startswith(f"model ViT-B-32/laion2b_s34b_b79k is not in the cache at {tmp_path}/models--laion--")
    assert line.endswith("; give a path or download it beforehand")


def test_a_downloaded_tag_is_not_a_problem(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--laion--CLIP-ViT-B-32-laion2B-s34B-b79K" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    shutil.copy(SHAPES / "model.safetensors", snapshot / "open_clip_model.safetensors")
    assert list(ScoreClip(model="ViT-B-32", pretrained="laion2b_s34b_b79k").check()) == []


@pytest.mark.parametrize(
    ("parameters", "part"),
    [
        ({"model": "/nowhere/clip"}, "no model at /nowhere/clip"),
        ({"model": str(SHAPES), "pretrained": "/nowhere/w.pt"}, "no checkpoint at /nowhere/w.pt"),
        ({"model": str(SHAPES), "pretrained": "/nowhere/w.npz"}, "is neither safetensors nor a torch file"),
        ({"model": str(SHAPES / "open_clip_config.json")}, "its weights are missing: give `pretrained`"),
        ({"model": str(SHAPES), "batch_size": 0}, "batch_size: must be at least 1, not 0"),
        ({"model": str(SHAPES), "neighbours": -1}, "neighbours: must be at least 0, not -1"),
    ],
)
def test_each_problem_is_one_line(parameters, part):
    assert part in problem(**parameters)


def test_a_folder_without_weights_is_a_problem(tmp_path):
    shutil.copy(SHAPES / "open_clip_config.json", tmp_path)
    assert problem(model=str(tmp_path)).startswith(f"no weights in {tmp_path}")


@pytest.mark.parametrize("config", ["{", "[]", "{}", '{"model_cfg": 3}'])
def test_a_bad_configuration_is_a_problem_not_a_crash(config, tmp_path):
    (tmp_path / "bad.json").write_text(config)
    assert "its configuration" in problem(model=str(tmp_path / "bad.json"), pretrained=str(SHAPES / "model.safetensors"))


def test_checking_imports_neither_torch_nor_open_clip():
    code = (
        "import sys; from interloom.stages.score_clip import ScoreClip;"
        "list(ScoreClip(model='ViT-L-14', pretrained='openai').check());"
        "sys.exit(bool({'torch', 'open_clip', 'torchvision'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.fixture
def bucket(monkeypatch):
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {
        "ACCESS_KEY_ID": "key",
        "SECRET_ACCESS_KEY": "secret",
        "DEFAULT_REGION": "us-east-1",
        "ENDPOINT_URL": f"http://{host}:{port}",
    }
    for name, value in keys.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    boto3.client("s3").create_bucket(Bucket="clip-models")
    yield "s3://clip-models"
    server.stop()


def test_a_model_in_s3_gives_the_same_scores(stage, bucket):
    for file in SHAPES.iterdir():
        storage.write(f"{bucket}/shapes/{file.name}", file.read_bytes())
    far = ScoreClip(model=f"{bucket}/shapes", device="cpu")
    doc = document(image(0, alt=RED_CAPTION))
    assert list(far.check()) == []
    assert scored(far, doc) == scored(stage, doc)
