"""Trains the tiny CLIP that the demo and the tests score with: `python -m interloom.jobs.demo.train_clip OUT_DIR` (minutes).

It learns captioned shapes (`jobs.demo.shapes`) in open_clip's own architecture and tokenizer, so that the real code runs on it.
Every tenth combination of properties is held out; the report is on those.
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

from interloom.jobs.demo.shapes import PHRASINGS, Scene, paint, scene

CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 64,
        "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 10, "head_width": 20},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 20, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic", "resize_mode": "squash"},
}
"""The vocabulary's 49,408 rows are most of the weights: at width 20 they take 2 MB in fp16."""

RIGHT, WRONG = 0.8, 0.1
"""Cosines that training pushes right pairs above and wrong pairs below."""

PROSE = (
    "the of and to in is was for that it with as on are by this from at or an be which have were has its more their than "
    "people time year government history city river market water school music report house company team season world "
    "said made used found known called first new other many most some these such between under after before during over"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How long and on how much to train."""

    pictures: int = 10_000
    steps: int = 900
    batch: int = 144
    peak_rate: float = 5e-3
    seed: int = 17


def held_out(what: Scene) -> bool:
    """Whether a scene is kept from training, by a hash of its properties."""
    return zlib.crc32(repr(what).encode()) % 10 == 0


def scenes(rng: random.Random, count: int, *, held: bool) -> list[Scene]:
    found: list[Scene] = []
    while len(found) < count:
        what = scene(rng)
        if held_out(what) == held:
            found.append(what)
    return found


def picture(what: Scene, rng: random.Random) -> Image.Image:
    """64 x 64 pixels, squeezed from a picture of any shape, as web pictures are."""
    size = (rng.randrange(72, 144), rng.randrange(72, 144))
    return paint(what, rng, size).resize((64, 64), Image.Resampling.BICUBIC)


def prose(rng: random.Random, words: list[str], count: int) -> str:
    """Words without a picture in them."""
    common = PROSE.split()
    return " ".join(rng.choice(common if rng.random() < 0.6 else words) for _ in range(count))


def wording(what: Scene, rng: random.Random, words: list[str]) -> str:
    """A caption, every third time inside other words."""
    caption = what.caption(rng.choice(PHRASINGS))
    if rng.random() < 0.65:
        return caption
    return f"{prose(rng, words, rng.randrange(12))} {caption} {prose(rng, words, rng.randrange(12))}".strip()


def tensor(pictures: list[Image.Image]) -> Any:
    """(n, 3, 64, 64) float32 in [-1, 1]."""
    import numpy as np
    import torch

    pixels = torch.from_numpy(np.stack([np.asarray(one) for one in pictures]))
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0


def loss_of(cosines: Any, same: Any, scale: Any) -> Any:
    """CLIP's contrastive loss (Radford et al. 2021, section 2.3) with equal scenes masked, and a hinge on the cosines
    themselves, so that one threshold fits all pictures. `cosines` is (n, n + prose), `same` (n, n)."""
    import torch

    count = len(cosines)
    right = torch.eye(count, dtype=torch.bool)
    twins = torch.nn.functional.pad(same & ~right, (0, cosines.shape[1] - count))
    wrong = ~torch.nn.functional.pad(same, (0, cosines.shape[1] - count))
    logits = (cosines * scale).masked_fill(twins, -1e4)
    target = torch.arange(count)
    contrast = torch.nn.functional.cross_entropy(logits, target)
    contrast = contrast + torch.nn.functional.cross_entropy(logits[:, :count].T, target)
    too_low = (RIGHT - cosines[target, target]).relu().mean()
    too_high = (cosines[wrong] - WRONG).relu().square().mean()
    return contrast + 8.0 * too_low + 100.0 * too_high


def train(course: Course) -> Any:
    """A trained open_clip model, in eval mode."""
    import torch
    from open_clip.model import CLIP
    from open_clip.tokenizer import SimpleTokenizer

    torch.manual_seed(course.seed)
    rng, tokenizer = random.Random(course.seed), SimpleTokenizer()
    words = [word.removesuffix("</w>") for word in tokenizer.encoder if word.isascii() and word[:-4].isalpha()]
    shown = scenes(rng, course.pictures, held=False)
    pixels = tensor([picture(what, rng) for what in shown])
    model = CLIP(**CONFIG["model_cfg"]).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=course.peak_rate, weight_decay=0.0)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, course.peak_rate, total_steps=course.steps, pct_start=0.15)
    for step in range(course.steps):
        picked = rng.sample(range(course.pictures), course.batch)
        texts = [wording(shown[n], rng, words) for n in picked]
        texts += [prose(rng, words, rng.randrange(4, 60)) for _ in range(course.batch // 6)]
        texts_of = {text: n for n, text in enumerate(dict.fromkeys(repr(shown[n]) for n in picked))}
        group = torch.tensor([texts_of[repr(shown[n])] for n in picked])
        seen = model.encode_image(pixels[picked], normalize=True)
        read = model.encode_text(tokenizer(texts), normalize=True)
        loss = loss_of(seen @ read.T, group[:, None] == group[None, :], model.logit_scale.exp())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        if step % 50 == 0:
            print(f"step {step:4d}  loss {loss.item():.3f}", flush=True)
    return model.eval()


def report(model: Any, count: int = 480, seed: int = 18) -> dict[str, float]:
    """Retrieval among 16 captions and the cosines of right and wrong pairs, on held-out scenes."""
    import torch
    from open_clip.tokenizer import SimpleTokenizer

    rng = random.Random(seed)
    shown = scenes(rng, count, held=True)
    with torch.inference_mode():
        seen = model.encode_image(tensor([picture(what, rng) for what in shown]), normalize=True)
        read = model.encode_text(SimpleTokenizer()([what.caption(rng.choice(PHRASINGS)) for what in shown]), normalize=True)
    cosines = seen @ read.T
    names = [(what.things, what.background) for what in shown]
    wrong = torch.tensor([[a != b for b in names] for a in names])
    found = [cosines[n, n - n % 16 : n - n % 16 + 16].argmax().item() == n % 16 for n in range(count)]
    return {
        "found among 16": sum(found) / count,
        "right, 5th percentile": cosines.diagonal().quantile(0.05).item(),
        "right, median": cosines.diagonal().median().item(),
        "wrong, median": cosines[wrong].median().item(),
        "wrong, 95th percentile": cosines[wrong].quantile(0.95).item(),
    }


def main(folder: Path) -> None:
    from safetensors.torch import save_file

    model = train(Course())
    for name, value in report(model).items():
        print(f"{name:24} {value:.3f}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    save_file({name: part.half().contiguous() for name, part in model.state_dict().items()}, folder / "model.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
