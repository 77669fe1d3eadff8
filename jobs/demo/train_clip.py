"""Trains the small CLIP model of the demo and the tests: `python -m interloom.jobs.demo.train_clip OUT_DIR` (minutes).

The model learns captioned shapes (`jobs.demo.shapes`). It has an architecture and the tokenizer of open_clip, and `score_clip`
loads it like any other model. A tenth of the scenes is held out for the evaluation.
"""

from __future__ import annotations

import json
import random
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from interloom.jobs.demo.shapes import PHRASINGS, Scene, paint, random_scene

CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 64,
        "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 10, "head_width": 20},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 20, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic", "resize_mode": "squash"},
}
"""The vocabulary's 49,408 rows are most of the weights: at width 20 they take 2 MB in fp16."""

MIN_MATCHING_COSINE = 0.8
"""Training pushes the cosine of an image and its caption above this value; our choice."""

MAX_OTHER_COSINE = 0.1
"""Training pushes the cosine of an image and any other text below this value; our choice."""

PROSE = (
    "the of and to in is was for that it with as on are by this from at or an be which have were has its more their than "
    "people time year government history city river market water school music report house company team season world "
    "said made used found known called first new other many most some these such between under after before during over"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Number of training images, number of steps, batch size, peak learning rate and seed of the training."""

    images: int = 10_000
    steps: int = 900
    batch: int = 144
    peak_rate: float = 5e-3
    seed: int = 17


def held_out(scene: Scene) -> bool:
    """Whether a scene is held out from training, by a hash of its properties."""
    return zlib.crc32(repr(scene).encode()) % 10 == 0


def random_scenes(rng: random.Random, count: int, *, held: bool) -> list[Scene]:
    """`count` random scenes, either held out or for training."""
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = random_scene(rng)
        if held_out(scene) == held:
            scenes.append(scene)
    return scenes


def thumbnail(scene: Scene, rng: random.Random) -> Image.Image:
    """An image of the scene at a random aspect ratio, resized to 64 x 64 pixels as `score_clip` resizes images of the web."""
    size = (rng.randrange(72, 144), rng.randrange(72, 144))
    return paint(scene, rng, size).resize((64, 64), Image.Resampling.BICUBIC)


def random_words(rng: random.Random, words: list[str], count: int) -> str:
    """Words that describe no image: common words of PROSE, and of `words`."""
    common = PROSE.split()
    return " ".join(rng.choice(common if rng.random() < 0.6 else words) for _ in range(count))


def random_caption(scene: Scene, rng: random.Random, words: list[str]) -> str:
    """A caption of the scene; about a third of the captions have up to 11 other words before and after them."""
    caption = scene.caption(rng.choice(PHRASINGS))
    if rng.random() < 0.65:
        return caption
    return f"{random_words(rng, words, rng.randrange(12))} {caption} {random_words(rng, words, rng.randrange(12))}".strip()


def tensor(images: list[Image.Image]) -> Any:
    """The images as a float32 tensor of shape (n, 3, 64, 64) with values from -1 to 1."""
    import numpy as np
    import torch

    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0


def loss_of(cosines: Any, same: Any, scale: Any) -> Any:
    """CLIP's contrastive loss (Radford et al. 2021, section 2.3), plus hinge losses on the cosines, so that one threshold on
    the cosine fits all images.

    `cosines` has a row for each of n images and a column for each of their n captions and of other texts; `same` (n, n) says
    which images show the same scene, so that the caption of one is not a wrong text for the other; `scale` is CLIP's logit
    scale.
    """
    import torch

    count = len(cosines)
    matching = torch.eye(count, dtype=torch.bool)
    same_scene = torch.nn.functional.pad(same & ~matching, (0, cosines.shape[1] - count))
    other = ~torch.nn.functional.pad(same, (0, cosines.shape[1] - count))
    logits = (cosines * scale).masked_fill(same_scene, -1e4)
    target = torch.arange(count)
    contrast = torch.nn.functional.cross_entropy(logits, target)
    contrast = contrast + torch.nn.functional.cross_entropy(logits[:, :count].T, target)
    too_low = (MIN_MATCHING_COSINE - cosines[target, target]).relu().mean()
    too_high = (cosines[other] - MAX_OTHER_COSINE).relu().square().mean()
    return contrast + 8.0 * too_low + 100.0 * too_high


def train(training: Training) -> Any:
    """Trains an open_clip model and returns it in evaluation mode."""
    import torch
    from open_clip.model import CLIP
    from open_clip.tokenizer import SimpleTokenizer

    torch.manual_seed(training.seed)
    rng, tokenizer = random.Random(training.seed), SimpleTokenizer()
    words = [word.removesuffix("</w>") for word in tokenizer.encoder if word.isascii() and word[:-4].isalpha()]
    scenes = random_scenes(rng, training.images, held=False)
    pixels = tensor([thumbnail(scene, rng) for scene in scenes])
    model = CLIP(**CONFIG["model_cfg"]).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=training.peak_rate, weight_decay=0.0)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, training.peak_rate, total_steps=training.steps, pct_start=0.15)
    for step in range(training.steps):
        picked = rng.sample(range(training.images), training.batch)
        texts = [random_caption(scenes[n], rng, words) for n in picked]
        texts += [random_words(rng, words, rng.randrange(4, 60)) for _ in range(training.batch // 6)]
        number_of = {text: n for n, text in enumerate(dict.fromkeys(repr(scenes[n]) for n in picked))}
        group = torch.tensor([number_of[repr(scenes[n])] for n in picked])
        image_vectors = model.encode_image(pixels[picked], normalize=True)
        text_vectors = model.encode_text(tokenizer(texts), normalize=True)
        loss = loss_of(image_vectors @ text_vectors.T, group[:, None] == group[None, :], model.logit_scale.exp())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        if step % 50 == 0:
            print(f"step {step:4d}  loss {loss.item():.3f}", flush=True)
    return model.eval()


def evaluate(model: Any, count: int = 480, seed: int = 18) -> dict[str, float]:
    """Accuracy of retrieval among 16 captions, and cosines of matching and other pairs, on held-out scenes."""
    import torch
    from open_clip.tokenizer import SimpleTokenizer

    rng = random.Random(seed)
    scenes = random_scenes(rng, count, held=True)
    with torch.inference_mode():
        image_vectors = model.encode_image(tensor([thumbnail(scene, rng) for scene in scenes]), normalize=True)
        captions = [scene.caption(rng.choice(PHRASINGS)) for scene in scenes]
        text_vectors = model.encode_text(SimpleTokenizer()(captions), normalize=True)
    cosines = image_vectors @ text_vectors.T
    names = [(scene.things, scene.background) for scene in scenes]
    other = torch.tensor([[a != b for b in names] for a in names])
    retrieved = [cosines[n, n - n % 16 : n - n % 16 + 16].argmax().item() == n % 16 for n in range(count)]
    return {
        "retrieved among 16": sum(retrieved) / count,
        "matching, 5th percentile": cosines.diagonal().quantile(0.05).item(),
        "matching, median": cosines.diagonal().median().item(),
        "other, median": cosines[other].median().item(),
        "other, 95th percentile": cosines[other].quantile(0.95).item(),
    }


def main(folder: Path) -> None:
    """Trains a model, prints its evaluation, and writes it into the folder as open_clip's `local-dir:` models are stored."""
    from safetensors.torch import save_file

    model = train(Training())
    for name, value in evaluate(model).items():
        print(f"{name:24} {value:.3f}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    save_file({name: part.half().contiguous() for name, part in model.state_dict().items()}, folder / "model.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
