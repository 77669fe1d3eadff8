"""CLIP on a GPU, ours against the bare forward of the same model in the same process: `python benchmarks/gpu_script.py`.

For each model, with random weights: pictures and texts a second of the bare bf16 forward on tensors that are on the GPU, of ours
with decoded and with encoded input, of one core that decodes, and so how many cores one GPU needs; how far scores in bf16 are
from those in fp32; whether two loaded models, and other batches, give the same bytes. Then the time of k-means, by faiss if it
has a GPU build, else by torch. It takes less than 8 minutes, and uses no network. `--tiny` runs all of it on the CPU in a minute.

Where Interloom cannot be installed, it suffices to put `src` and the repository on PYTHONPATH, beside torch, torchvision, timm,
pyarrow and numpy, with wheels of open_clip_torch, ftfy, wcwidth and regex for that Python: `pip download --no-deps` where there
is a network, `pip install --no-index --no-deps --find-links` where there is none.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.score_clip import corpus
from interloom.jobs.demo.train_clip import PROSE
from interloom.schemas.document import Document
from interloom.schemas.outcome import Side
from interloom.stages._clip.towers import Towers
from interloom.stages._images.decoding import decode
from interloom.stages.score_clip import ScoreClip

_BOUND = 0.02
"""Scores in bf16 may differ so much from those in fp32: 4 times the relative error of a bf16 number (2**-8)."""
_SHARE = 0.9
"""Of the bare forward's rate, with decoded input."""
_SHAPES = str(Path(__file__).parents[1] / "jobs" / "demo" / "assets" / "shapes_clip" / "open_clip_config.json")


@dataclass(frozen=True)
class Setting:
    """What is measured: the models, the device, rows of a batch, seconds of each measurement, documents, and k-means' rows."""

    models: tuple[str, ...]
    device: str
    rows: int
    seconds: float
    documents: int
    points: int


def main(given: argparse.Namespace) -> None:
    gpu = Setting(("ViT-B-32", "ViT-L-14"), "cuda", 256, 8.0, 256, 1_000_000)
    setting = Setting((_SHAPES,), "cpu", 16, 0.5, 4, 5_000) if given.tiny else gpu
    name = torch.cuda.get_device_name() if setting.device == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}", flush=True)
    results = {model: measured(model, setting) for model in setting.models}
    results["k-means"] = k_means(setting)
    if given.out:
        (Path(given.out) / "gpu_script.json").write_text(json.dumps(results, indent=1))


def measured(model: str, setting: Setting) -> dict[str, Any]:
    """All figures of a model, printed as they come."""
    docs = corpus(setting.documents, images=3, texts=4)
    with tempfile.TemporaryDirectory() as folder:
        weights = random_weights(model, folder)
        towers = bf16_towers(model, weights, setting)
        figures: dict[str, Any] = {**pictures(towers, docs, setting), **texts(towers, setting)}
        figures |= same_bytes(towers, bf16_towers(model, weights, setting), docs)
        del towers
        figures |= precisions(model, weights, docs, setting)
    for figure, value in figures.items():
        print(f"{Path(model).parent.name if '/' in model else model:14}{figure:44}{value:>12}", flush=True)
    return figures


def bf16_towers(model: str, weights: str, setting: Setting) -> Towers:
    return Towers.open(model, weights, batch_size=setting.rows, precision="bf16", device=setting.device)


def random_weights(model: str, folder: str) -> str:
    """The path of a checkpoint of the model with random weights."""
    import open_clip

    torch.manual_seed(7)
    if model == _SHAPES:
        built = open_clip.create_model(f"local-dir:{Path(_SHAPES).parent}")
    else:
        built = open_clip.create_model(model, load_weights=False)
    torch.save(built.state_dict(), f"{folder}/random.pt")
    return f"{folder}/random.pt"


def rate(setting: Setting, step: Callable[[], int]) -> float:
    """Items a second of a step that returns how many it did, over a number of seconds, after one that warms up."""
    step()
    wait(setting)
    begun, items = time.perf_counter(), 0
    while time.perf_counter() - begun < setting.seconds:
        items += step()
        wait(setting)
    return round(items / (time.perf_counter() - begun), 1)


def wait(setting: Setting) -> None:
    """Until the GPU has done all that it was given."""
    if setting.device == "cuda":
        torch.cuda.synchronize()


def pictures(towers: Towers, docs: Sequence[Document], setting: Setting) -> dict[str, Any]:
    encoded = [image.data for doc in docs for image in doc.images if image.data]
    pixels = [np.asarray(towers.resize(decode(data))) for data in encoded[: 2 * setting.rows]]
    count = 8 * setting.rows
    shape = (setting.rows, 3, *pixels[0].shape[:2])
    tensor = torch.randn(shape, device=setting.device, dtype=torch.bfloat16)
    encode = towers.loaded.model.encode_image
    bare = rate(setting, lambda: forwards(encode, tensor, count // setting.rows))
    ours = rate(setting, lambda: len(towers.embed_pixels(islice(cycle(pixels), count))))
    from_bytes = rate(setting, lambda: len(towers.embed_images(encoded)[0]))
    a_core = rate(setting, lambda: sum(1 for data in encoded[:16] if towers.resize(decode(data))))
    return {
        "pictures/s, bare forward": bare,
        "pictures/s, decoded": ours,
        f"share of bare (at least {_SHARE})": round(ours / bare, 3),
        "pictures/s, encoded (at most 8 threads)": from_bytes,
        "pictures/s that one core decodes": a_core,
        "cores that one GPU needs": round(ours / a_core, 1),
    }


def texts(towers: Towers, setting: Setting) -> dict[str, Any]:
    """Texts that fill the context, so that both ways encode equal shapes."""
    rng, words = random.Random(5), PROSE.split()
    windows = [towers.windows(" ".join(rng.choices(words, k=200)))[0] for _ in range(2 * setting.rows)]
    many = list(islice(cycle(windows), 8 * setting.rows))
    tokenizer = towers.loaded.tokenizer
    tokens = tokenizer(many)
    tensor = tokens[: setting.rows].to(setting.device)
    encode = towers.loaded.model.encode_text
    bare = rate(setting, lambda: forwards(encode, tensor, 8))
    ours = rate(setting, lambda: len(towers.embed_tokens(tokens)))
    with_tokenizing = rate(setting, lambda: len(towers.embed_texts(many)))
    a_core = rate(setting, lambda: len(tokenizer(many)))
    return {
        "texts/s, bare forward": bare,
        "texts/s, tokenized": ours,
        f"share of bare for texts (at least {_SHARE})": round(ours / bare, 3),
        "texts/s, with tokenizing": with_tokenizing,
        "texts/s that one core tokenizes": a_core,
        "cores that tokenize for one GPU": round(ours / a_core, 1),
    }


def forwards(encode: Callable[[Any], Any], tensor: Any, batches: int) -> int:
    with torch.inference_mode():
        for _ in range(batches):
            encode(tensor)
    return batches * len(tensor)


def same_bytes(first: Towers, second: Towers, docs: Sequence[Document]) -> dict[str, Any]:
    """Whether two loaded models give the same bytes, and whether a picture alone has those that it has among others."""
    encoded = [image.data for doc in docs for image in doc.images if image.data]
    whole, again = first.embed_images(encoded)[0], second.embed_images(encoded)[0]
    alone = np.concatenate([second.embed_images([data])[0] for data in encoded[:8]])
    return {
        "two runs give the same bytes": str(digest([whole]) == digest([again])),
        "a picture alone has the same bytes": str(digest([whole[:8]]) == digest([alone])),
    }


def digest(arrays: Iterable[Any]) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def precisions(model: str, weights: str, docs: Sequence[Document], setting: Setting) -> dict[str, Any]:
    """The largest difference of a score in bf16 from that in fp32, and the rate of the whole step."""
    scores = dict[str, list[float]]()
    for precision in ("fp32", "bf16"):
        settings: Any = {"precision": precision, "device": setting.device, "batch_size": setting.rows}
        stage = ScoreClip(model=model, pretrained=weights, **settings)
        list(stage.process(docs[:1]))
        begun = time.perf_counter()
        scores[precision] = list(image_scores(stage, docs))
        taken = time.perf_counter() - begun
    differences = np.abs(np.array(scores["fp32"]) - np.array(scores["bf16"]))
    return {
        f"largest bf16 difference (at most {_BOUND})": round(float(differences.max()), 4),
        "pictures/s, the whole step in bf16": round(sum(len(doc.images) for doc in docs) / taken, 1),
    }


def image_scores(stage: ScoreClip, docs: Sequence[Document]) -> Iterator[float]:
    for outcome in stage.process(docs):
        if isinstance(outcome, Document):
            yield from (image.scores["clip"] for image in outcome.images)
        else:
            assert isinstance(outcome, Side)


def k_means(setting: Setting) -> dict[str, Any]:
    """The seconds of 10 rounds of k-means with a centre for each 256 points of 256 numbers."""
    points = np.random.default_rng(7).standard_normal((setting.points, 256), np.float32)
    clusters = setting.points // 256
    by_faiss = importlib.util.find_spec("faiss") is not None and faiss_gpus() > 0
    begun = time.perf_counter()
    (faiss_k_means if by_faiss else torch_k_means)(points, clusters, setting.device)
    wait(setting)
    figures = {"by": "faiss" if by_faiss else "torch", "seconds": round(time.perf_counter() - begun, 2)}
    print(f"k-means of {len(points)} points, {clusters} clusters: {figures['seconds']} s by {figures['by']}", flush=True)
    return figures


def faiss_gpus() -> int:
    import faiss

    return int(getattr(faiss, "get_num_gpus", lambda: 0)())


def faiss_k_means(points: Any, clusters: int, device: str) -> None:
    import faiss

    faiss.Kmeans(points.shape[1], clusters, niter=10, gpu=device == "cuda", seed=7).train(points)


def torch_k_means(points: Any, clusters: int, device: str) -> None:
    """10 rounds of Lloyd's algorithm, with points in pieces of 65,536."""
    data = torch.from_numpy(points).to(device)
    centres = data[:: len(data) // clusters][:clusters].clone()
    for _ in range(10):
        norms = centres.square().sum(1) / 2
        nearest = torch.cat([(piece @ centres.T - norms).argmax(1) for piece in data.split(65_536)])
        sums = torch.zeros_like(centres).index_add_(0, nearest, data)
        counts = torch.bincount(nearest, minlength=clusters).unsqueeze(1)
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a tiny model, on the CPU")
    parser.add_argument("--out", help="a folder for the figures, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main(options())
