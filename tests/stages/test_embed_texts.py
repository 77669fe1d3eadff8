"""Real sentence-transformers code on a tiny model with random weights, and the tiny CLIP of shapes of the demo."""

import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_sentence_model
from PIL import Image as Picture

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Side
from interloom.schemas.rows import side_tables
from interloom.stages.embed_texts import EmbedTexts
from interloom.stages.score_clip import ScoreClip

ROOT = Path(__file__).parents[2]
SHAPES = str(ROOT / "jobs" / "demo" / "assets" / "shapes_clip")
SENTENCE = "The harbour wakes before the town does."
LONG = "boats come in " * 40


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_sentence_model.make(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def stage(model):
    return EmbedTexts(model=model, device="cpu")


@pytest.fixture(scope="module")
def library(model):
    """The library's own model."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(model, device="cpu", local_files_only=True)


def document(*texts, id_="d", **labels):
    elements = [words if isinstance(words, Text | Image) else Text(position=n, text=words) for n, words in enumerate(texts)]
    return Document(id=id_, elements=tuple(elements), labels=labels)


def rows(stage, *docs, above=()):
    outcomes = stage.process_with(docs, {"embeddings": list(side_tables("embeddings", above))})
    return [out.row for out in outcomes if isinstance(out, Side)]


def vectors(stage, *docs):
    return np.stack([np.frombuffer(row["vector"], "<f2") for row in rows(stage, *docs)]).astype(float)


def places(stage, *docs):
    return [(row["position"], row["window"], row["start"], row["end"]) for row in rows(stage, *docs)]


def mixed(count):
    """Texts of 1 to `count` words."""
    words = tiny_sentence_model.WORDS
    return [" ".join(words[(n + i) % len(words)] for i in range(n + 1)) for n in range(count)]


def test_documents_pass_unchanged(stage):
    doc = document(SENTENCE, "")
    assert [out for out in stage.process([doc]) if not isinstance(out, Side)] == [doc]


def test_each_sentence_has_a_row_with_its_offsets(stage):
    doc = document("Boats come in. The town wakes.", "  A boat at dawn.\n")
    assert places(stage, doc) == [(0, 0, 0, 14), (0, 1, 15, 30), (1, 0, 2, 17)]
    assert {(row["id"], row["kind"], row["model"]) for row in rows(stage, doc)} == {("d", "sentence", stage.model)}


def test_sentences_end_as_the_documents_language_has_it(stage):
    text = "Er kam am 3. Oktober an."
    assert places(stage, document(text, language="de")) == [(0, 0, 0, len(text))]
    assert len(places(stage, document(text, language="en"))) == 2


def test_paragraphs_and_documents_have_a_row_for_all_of_their_text(stage):
    doc = document("Boats come in. The town wakes.", "A boat.", " ")
    assert places(replace(stage, of="paragraphs"), doc) == [(0, 0, None, None), (1, 0, None, None)]
    whole = replace(stage, of="documents")
    assert places(whole, doc) == [(-1, 0, None, None)]
    assert (vectors(whole, doc) == vectors(replace(stage, of="paragraphs"), document(doc.text.strip()))).all()


@pytest.mark.parametrize("of", ["sentences", "paragraphs", "documents"])
def test_a_document_without_text_has_no_rows(stage, of):
    assert rows(replace(stage, of=of), document(), document(" \n", id_="e")) == []


def test_only_texts_of_the_chosen_origins_count(stage):
    doc = document("Boats.", Text(position=1, text="Dawn.", origin="ocr"), Image(position=2, alt="a boat"))
    assert places(replace(stage, origins=("alt", "ocr")), doc) == [(1, 0, 0, 5), (2, 0, 0, 6)]


def test_vectors_are_those_of_the_library(stage, library):
    texts = mixed(44)
    ours = vectors(replace(stage, of="paragraphs"), document(*texts))
    assert ours == pytest.approx(library.encode(texts), abs=5e-4)


def test_a_context_without_room_for_a_text_is_told(stage):
    with pytest.raises(ConfigError) as error:
        rows(replace(stage, max_tokens=1), document(SENTENCE))
    assert str(error.value) == "max_tokens: a context of 1 has no room for a text beside the prompt and special tokens (2)"


def test_a_prompt_stands_before_each_text(stage, library):
    ours = vectors(replace(stage, of="paragraphs", prompt="passage: "), document(SENTENCE))
    assert ours[0] == pytest.approx(library.encode("passage: " + SENTENCE), abs=5e-4)


def test_batches_of_texts_of_one_length_have_one_shape(stage):
    """A tiny model gives equal bits for other shapes, too; a real one does not."""
    shapes, paragraphs = set(), replace(stage, of="paragraphs")
    paragraphs._encoder.model[0].register_forward_pre_hook(lambda module, args: shapes.add(tuple(args[0]["input_ids"].shape)))
    for texts in (mixed(44), mixed(30), mixed(1)):
        rows(paragraphs, document(*texts))
    assert sorted(shapes, key=lambda shape: shape[1]) == [(32, 8), (16, 16), (10, 24), (8, 32), (6, 40), (5, 48)]


@pytest.mark.slow
def test_vectors_of_a_real_model_do_not_depend_on_neighbours_order_or_threads():
    """`INTERLOOM_SENTENCE_MODEL` names its folder, for example that of all-MiniLM-L6-v2."""
    real = EmbedTexts(model=os.environ.get("INTERLOOM_SENTENCE_MODEL", "all-MiniLM-L6-v2"), device="cpu")
    if list(real.check()):
        pytest.skip(f"not on this machine: {real.model}")
    assert_each_row_is_its_own(real)


def test_vectors_do_not_depend_on_neighbours_order_or_threads(stage):
    assert_each_row_is_its_own(stage)


def assert_each_row_is_its_own(stage):
    import torch

    paragraphs, texts, before = replace(stage, of="paragraphs"), mixed(60), torch.get_num_threads()
    together = rows(paragraphs, *(document(text, id_=text) for text in texts))
    backwards = rows(paragraphs, *(document(text, id_=text) for text in texts[::-1]))
    alone = [row for text in texts[::7] for row in rows(paragraphs, document(text, id_=text))]
    torch.set_num_threads(2)
    threads = rows(replace(paragraphs), *(document(text, id_=text) for text in texts))
    torch.set_num_threads(before)
    assert together == backwards[::-1] == threads
    assert alone == together[::7]


def test_a_long_text_has_the_mean_of_its_windows_or_each_or_the_first(stage):
    doc = document(LONG)
    windows = vectors(replace(stage, long_texts="windows"), doc)
    assert len(windows) == 3
    assert places(replace(stage, long_texts="windows"), doc) == [(0, n, 0, len(LONG) - 1) for n in range(3)]
    assert vectors(replace(stage, long_texts="cut"), doc).tolist() == windows[:1].tolist()
    words = [46, 46, 28]
    lengths = [len(" ".join(LONG.split()[sum(words[:n]) : sum(words[: n + 1])])) for n in range(3)]
    mean = np.average(windows, axis=0, weights=lengths)
    (ours,) = vectors(stage, doc)
    assert ours == pytest.approx(mean / np.linalg.norm(mean), abs=1e-3)


def test_a_shorter_context_has_more_windows(stage):
    assert len(rows(replace(stage, long_texts="windows", max_tokens=12), document(LONG))) == 12


def test_a_text_that_a_step_above_encoded_is_not_encoded_again(model, stage):
    above = rows(stage, document(SENTENCE))
    marked = [{**row, "vector": np.eye(32, dtype="<f2")[0].tobytes()} for row in above]
    paragraphs = replace(stage, of="paragraphs")
    (row,) = rows(paragraphs, document(SENTENCE), above=marked)
    assert row["vector"] == marked[0]["vector"]
    assert (
        rows(paragraphs, document(SENTENCE + " "), above=marked)[0]["vector"]
        == rows(paragraphs, document(SENTENCE + " "))[0]["vector"]
    )


def test_a_row_that_is_stored_above_is_not_stored_again(stage):
    whole = document(SENTENCE, "A boat.")
    child = replace(whole, id="d#1", elements=whole.elements[1:])
    assert rows(stage, whole, child, above=rows(stage, whole)) == []
    assert places(stage, document("A new text.")) == [(0, 0, 0, 11)]


@pytest.mark.parametrize("other", [{"prompt": "passage: "}, {"max_tokens": 20}])
def test_vectors_of_other_settings_are_not_used(stage, other):
    above = rows(stage, document(SENTENCE))
    assert rows(replace(stage, **other), document(SENTENCE), above=above)[0]["revision"] != above[0]["revision"]


def test_a_clip_embeds_texts_and_score_clip_uses_the_vectors():
    doc = document("a large red circle", Image(position=1, data=png(), alt="a blue star"))
    clip = EmbedTexts(model=SHAPES, device="cpu", of="paragraphs", origins=("body", "alt"))
    assert list(clip.check()) == []
    embedded, score = rows(clip, doc), ScoreClip(model=SHAPES, device="cpu")
    image, alt, body = (np.frombuffer(row["vector"], "<f2") for row in sorted(rows(score, doc), key=order))
    assert [np.frombuffer(row["vector"], "<f2").tolist() for row in embedded] == [body.tolist(), alt.tolist()]
    opposite = [{**row, "vector": (-image).tobytes()} for row in embedded]
    (scored,) = [
        out
        for out in score.process_with([doc], {"embeddings": list(side_tables("embeddings", opposite))})
        if isinstance(out, Document)
    ]
    assert scored.scores["clip_best"] == pytest.approx(-1, abs=1e-3)


def test_a_clip_takes_the_vectors_that_score_clip_stored():
    doc = document("a large red circle", Image(position=1, data=png(), alt="a blue star"))
    above = [
        {**row, "vector": np.eye(64, dtype="<f2")[row["position"]].tobytes()}
        for row in rows(ScoreClip(model=SHAPES, device="cpu"), doc)
    ]
    clip = EmbedTexts(model=SHAPES, device="cpu", of="paragraphs")
    assert [row["vector"] for row in rows(clip, doc, above=above)] == [np.eye(64, dtype="<f2")[0].tobytes()]


def order(row):
    return row["kind"], -row["position"]


def png():
    file = io.BytesIO()
    Picture.new("RGB", (80, 60), (200, 30, 30)).save(file, "PNG")
    return file.getvalue()


def problem(**parameters):
    (line,) = EmbedTexts(**parameters).check()
    return line


def test_a_model_that_is_not_in_the_cache_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("SENTENCE_TRANSFORMERS_HOME", raising=False)
    folder = f"{tmp_path}/models--sentence-transformers--all-MiniLM-L6-v2/snapshots"
    assert problem(model="all-MiniLM-L6-v2") == (
        f"model all-MiniLM-L6-v2 is not in the cache at {folder}; give a path or download it beforehand"
    )


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "SENTENCE_TRANSFORMERS_HOME"])
def test_a_model_in_the_cache_is_found_by_its_name(stage, model, tmp_path, monkeypatch, variable):
    monkeypatch.delenv("SENTENCE_TRANSFORMERS_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    home = tmp_path / "models--owner--tiny"
    shutil.copytree(model, home / "snapshots" / "new")
    (home / "snapshots" / "broken").mkdir()
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("new")
    named = EmbedTexts(model="owner/tiny", device="cpu")
    assert (list(named.check()), list(named.files())) == ([], [str(home / "snapshots" / "new")])
    assert (vectors(named, document(SENTENCE)) == vectors(stage, document(SENTENCE))).all()


@pytest.mark.parametrize(
    ("parameters", "part"),
    [
        ({"model": "/nowhere/tiny"}, "no model of texts at /nowhere/tiny: it has neither modules.json nor config.json"),
        ({"model": SHAPES, "prompt": "query: "}, "max_tokens, prompt: not for CLIP, which has neither"),
        ({"model": "ViT-L14", "pretrained": "openai"}, "no model 'ViT-L14' in open_clip; did you mean 'ViT-L-14'?"),
        ({"model": SHAPES, "batch_size": 0}, "batch_size: must be at least 1, not 0"),
        ({"model": SHAPES, "origins": ()}, "origins: names no origin, so there is no text"),
    ],
)
def test_each_problem_is_one_line(parameters, part):
    assert part in problem(**parameters)


def changed(model, folder, name, content):
    """A copy of the model in which a file is another; None removes it."""
    shutil.copytree(model, folder)
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    return str(folder)


def test_a_folder_without_weights_is_a_problem(model, tmp_path):
    folder = changed(model, tmp_path / "m", "model.safetensors", None)
    assert problem(model=folder) == f"no weights in {folder} (looked for *.safetensors and pytorch_model.bin)"


def test_code_of_a_models_own_is_not_run(model, tmp_path):
    modules = json.dumps([{"idx": 0, "name": "0", "path": "", "type": "os.Transformer"}]).encode()
    folder = changed(model, tmp_path / "m", "modules.json", modules)
    line = f"{folder}/modules.json: module os.Transformer is code of the model's own, which is not run"
    assert problem(model=folder) == line
    with pytest.raises(ConfigError, match="which is not run"):
        rows(EmbedTexts(model=folder), document(SENTENCE))


@pytest.mark.parametrize("content", [b"{", b"[1]", b"[{}]"])
def test_a_bad_list_of_modules_is_a_problem_not_a_crash(model, tmp_path, content):
    assert "not a list of modules" in problem(model=changed(model, tmp_path / "m", "modules.json", content))


def test_the_error_of_cut_weights_names_the_model(model, tmp_path):
    weights = (Path(model) / "model.safetensors").read_bytes()
    folder = changed(model, tmp_path / "m", "model.safetensors", weights[:5000])
    with pytest.raises(ConfigError, match=f"model {folder} cannot be built with its weights"):
        rows(EmbedTexts(model=folder, device="cpu"), document(SENTENCE))


def test_checking_imports_neither_torch_nor_the_library(model):
    code = f"import sys; from interloom.stages.embed_texts import EmbedTexts; list(EmbedTexts(model={model!r}).check());"
    code += "sys.exit(bool({'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_model_in_s3_gives_the_same_vectors(stage, model, s3):
    for file in (file for file in Path(model).rglob("*") if file.is_file()):
        storage.write(f"{s3}/tiny/{file.relative_to(model)}", file.read_bytes())
    far = EmbedTexts(model=f"{s3}/tiny", device="cpu")
    assert list(far.check()) == []
    assert (vectors(far, document(SENTENCE)) == vectors(stage, document(SENTENCE))).all()
