"""CLIP scoring, ours against one forward pass for each document: `python benchmarks/score_clip.py [--device cuda]`.

Both score the same documents (some pictures and paragraphs each, pictures as JPEG bytes) with the same random weights. The
naive way is the common one: per document, preprocess its pictures, tokenize its texts, run both towers on just these, and cut
what does not fit. Ours also reads what does not fit, so windows are counted for both. Loading is not timed;
each way runs twice, by turns, and its faster run counts.
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image as Picture

from interloom.jobs.demo.shapes import draw
from interloom.jobs.demo.train_clip import PROSE
from interloom.schemas.document import Document, Image, Text
from interloom.stages.score_clip import ScoreClip


def corpus(count: int, images: int, texts: int) -> list[Document]:
    """Documents of different pictures of 256 to 768 pixels a side, and paragraphs of 5 to 90 words."""
    rng = random.Random(7)
    return [_document(rng, f"{n:06}", images, texts) for n in range(count)]


def _document(rng: random.Random, name: str, images: int, texts: int) -> Document:
    elements: list[Image | Text] = []
    for position in range(images + texts):
        if position % (1 + texts // images) == 0 and position // (1 + texts // images) < images:
            elements.append(_image(rng, position))
        else:
            elements.append(Text(position=position, text=" ".join(rng.choices(PROSE.split(), k=rng.randint(5, 90)))))
    return Document(id=name, elements=tuple(elements))


def _image(rng: random.Random, position: int) -> Image:
    picture, caption = draw(rng, (rng.randrange(256, 768), rng.randrange(256, 768)))
    file = io.BytesIO()
    picture.save(file, "JPEG")
    return Image(position=position, data=file.getvalue(), alt=caption, format="jpeg")


def naive(docs: Sequence[Document], model: str, weights: str, device: str) -> Callable[[], int]:
    """Loads; what it returns scores all documents and says how many text windows it read."""
    import open_clip

    precision = "bf16" if device == "cuda" else "fp32"
    net, _, preprocess = open_clip.create_model_and_transforms(model, weights, device=device, precision=precision)
    net, tokenizer = net.eval(), open_clip.get_tokenizer(model)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32

    def one(doc: Document) -> int:
        texts = [*(text.text for text in doc.texts), *(image.alt for image in doc.images)]
        pictures = [preprocess(Picture.open(io.BytesIO(image.data or b"")).convert("RGB")) for image in doc.images]
        seen = net.encode_image(torch.stack(pictures).to(device, dtype), normalize=True)
        read = net.encode_text(tokenizer(texts).to(device), normalize=True)
        (seen.float() @ read.float().T).max(dim=1).values.cpu()
        return len(texts)

    def run() -> int:
        with torch.inference_mode():
            return sum(one(doc) for doc in docs)

    return run


def ours(docs: Sequence[Document], stage: ScoreClip) -> Callable[[], int]:
    list(stage.process([Document(id="warm", elements=docs[0].elements)]))
    return lambda: sum(getattr(out, "row", {}).get("kind") == "text" for out in stage.process(docs))


def main(given: argparse.Namespace) -> None:
    import open_clip

    docs = corpus(given.documents, given.images, given.texts)
    with tempfile.TemporaryDirectory() as folder:
        weights = str(Path(folder) / "random.pt")
        torch.manual_seed(7)
        torch.save(open_clip.create_model(given.model, load_weights=False).state_dict(), weights)
        stage = ScoreClip(model=given.model, pretrained=weights, device=given.device, batch_size=given.batch_size)
        ways = {"per document": naive(docs, given.model, weights, given.device), "stages.score_clip": ours(docs, stage)}
        print(f"{given.model} on {given.device}, {len(docs)} documents, {torch.get_num_threads()} threads")
        print(f"{'':20}{'seconds':>9}{'images/s':>10}{'windows/s':>11}")
        runs = [(name, *_timed(run)) for _ in range(2) for name, run in ways.items()]
        for name in ways:
            seconds, windows = min((taken, read) for name_of_run, taken, read in runs if name_of_run == name)
            print(f"{name:20}{seconds:9.2f}{len(docs) * given.images / seconds:10.1f}{windows / seconds:11.1f}")


def _timed(run: Callable[[], int]) -> tuple[float, int]:
    begun = time.perf_counter()
    windows = run()
    return time.perf_counter() - begun, windows


def options() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="ViT-B-32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--documents", type=int, default=16)
    parser.add_argument("--images", type=int, default=3)
    parser.add_argument("--texts", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=256)
    return parser.parse_args()


if __name__ == "__main__":
    main(options())
