"""Captioned images of coloured shapes, for the demo's crawl and for the training of its small CLIP model."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (214, 32, 36),
    "green": (34, 150, 58),
    "blue": (32, 72, 212),
    "yellow": (246, 214, 28),
    "orange": (246, 132, 20),
    "purple": (128, 36, 162),
    "pink": (246, 120, 182),
    "brown": (120, 72, 32),
}
BACKGROUNDS: dict[str, Colour] = {"white": (244, 244, 244), "black": (22, 22, 22), "grey": (132, 132, 132)}
NUMBERS = {1: "a", 2: "two", 3: "three"}
PATTERNS = ("plain", "striped", "dotted")
POSITIONS: dict[str, Point] = {
    "in the centre": (0.5, 0.5),
    "on the left": (0.27, 0.5),
    "on the right": (0.73, 0.5),
    "at the top": (0.5, 0.27),
    "at the bottom": (0.5, 0.73),
}
PHRASINGS: tuple[str, ...] = (
    "{things} on a {background} background",
    "{things} on {background}",
    "a picture of {things} on a {background} background",
    "a {background} background with {things}",
    "this shows {things} on a {background} ground",
    "{things}, drawn on {background} paper",
)


def _polygon(corners: int, inner: float = 1.0, turn: float = -90.0) -> Callable[[], list[Point]]:
    """Makes the corners of a regular polygon in the unit circle, or of a star whose every second corner has the radius `inner`.
    `turn` is the angle of the first corner in degrees."""

    def outline() -> list[Point]:
        steps = corners if inner == 1.0 else 2 * corners
        angles = [math.radians(turn + 360.0 * n / steps) for n in range(steps)]
        radii = [1.0 if n % 2 == 0 else inner for n in range(steps)]
        return [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]

    return outline


def _cross() -> list[Point]:
    arm, end = 0.3, 0.95
    quarter = [(-arm, -end), (arm, -end), (arm, -arm)]
    turns = [(1, 0), (0, 1), (-1, 0), (0, -1)]
    return [(x * c - y * s, x * s + y * c) for c, s in turns for x, y in quarter]


SHAPES: dict[str, Callable[[], list[Point]]] = {
    "circle": _polygon(60),
    "square": _polygon(4, turn=-45.0),
    "triangle": _polygon(3),
    "star": _polygon(5, inner=0.42),
    "cross": _cross,
    "ring": _polygon(60),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The content of an image: a single shape at `place`, or several equal shapes in a row or column."""

    number: int
    large: bool
    pattern: str
    colour: str
    shape: str
    background: str
    place: str

    @property
    def things(self) -> str:
        """The shapes in words: `a large striped red star on the left`, `two blue squares`."""
        several = self.number > 1
        size = "" if several else "large" if self.large else "small"
        noun = {"cross": "crosses"}.get(self.shape, f"{self.shape}s") if several else self.shape
        words = [NUMBERS[self.number], size, "" if self.pattern == "plain" else self.pattern, self.colour, noun]
        return " ".join([word for word in words if word] + ([] if several else [self.place]))

    def caption(self, phrasing: str) -> str:
        """The caption in one of the PHRASINGS."""
        return phrasing.format(things=self.things, background=self.background)


def random_scene(rng: random.Random) -> Scene:
    """A random scene; each value of a property has the same probability."""
    return Scene(
        number=rng.choice(list(NUMBERS)),
        large=rng.random() < 0.5,
        pattern=rng.choice(PATTERNS),
        colour=rng.choice(list(COLOURS)),
        shape=rng.choice(list(SHAPES)),
        background=rng.choice(list(BACKGROUNDS)),
        place=rng.choice(list(POSITIONS)),
    )


def draw(rng: random.Random, size: tuple[int, int] = (256, 256)) -> tuple[Image.Image, str]:
    """A random RGB image of `size` (width, height in pixels) and its true caption."""
    scene = random_scene(rng)
    return paint(scene, rng, size), scene.caption(rng.choice(PHRASINGS))


def paint(scene: Scene, rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """An image of the scene. Light, angles and sizes are random, so that images of a scene have different perceptual hashes."""
    image = _background(BACKGROUNDS[scene.background], rng, size)
    ink = _ink(scene, rng, size)
    mask = Image.new("L", size)
    for centre, radius in _layout(scene, rng):
        mask.paste(255, mask=_stamp(scene.shape, centre, radius * rng.uniform(0.9, 1.1), rng.uniform(-12, 12), size))
    image.paste(ink, mask=mask)
    return image


def _background(colour: Colour, rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """A background whose lightness varies smoothly by up to 28 of 256 levels."""
    shade = Image.frombytes("L", (4, 4), bytes(rng.randrange(256) for _ in range(16)))
    shade = shade.resize(size, Image.Resampling.BICUBIC)
    dark, light = (tuple(min(255, max(0, level + change)) for level in colour) for change in (-28, 28))
    return Image.composite(Image.new("RGB", size, light), Image.new("RGB", size, dark), shade)


def _ink(scene: Scene, rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """An image with the fill of the shapes: their colour, striped or dotted with white (black on a white background)."""
    side = min(size)
    red, green, blue = (min(255, max(0, level + rng.randint(-14, 14))) for level in COLOURS[scene.colour])
    ink = Image.new("RGB", size, (red, green, blue))
    pen, other = ImageDraw.Draw(ink), BACKGROUNDS["white" if scene.background != "white" else "black"]
    step = side * 0.105
    for n in range(int(2 * max(size) / step) if scene.pattern == "striped" else 0):
        pen.line([(n * step, 0), (n * step - size[1], size[1])], fill=other, width=max(1, round(step * 0.26)))
    for n in range(int(size[0] / step + 1) * int(size[1] / step + 1) if scene.pattern == "dotted" else 0):
        row, column = divmod(n, int(size[0] / step + 1))
        x, y, r = (column + row % 2 / 2) * step, row * step, step * 0.26
        pen.ellipse([x - r, y - r, x + r, y + r], fill=other)
    return ink


def _layout(scene: Scene, rng: random.Random) -> list[tuple[Point, float]]:
    """The centre of each shape as a share of width and height, and its radius as a share of the shorter side."""
    if scene.number == 1:
        x, y = POSITIONS[scene.place]
        return [((x + rng.uniform(-0.03, 0.03), y + rng.uniform(-0.03, 0.03)), 0.24 if scene.large else 0.13)]
    upright = rng.random() < 0.5
    along = [(n + 0.5) / scene.number * 0.92 + 0.04 for n in range(scene.number)]
    across = [0.5 + rng.uniform(-0.16, 0.16) for _ in along]
    centres = list(zip(across, along, strict=True)) if upright else list(zip(along, across, strict=True))
    return [(centre, 0.2 if scene.number == 2 else 0.145) for centre in centres]


def _stamp(shape: str, centre: Point, radius: float, turn: float, size: tuple[int, int]) -> Image.Image:
    """A mask of one shape with smooth edges; `turn` is in degrees, `radius` a share of the shorter side."""
    scale = radius * min(size)
    cos, sin = math.cos(math.radians(turn)) * scale, math.sin(math.radians(turn)) * scale
    middle = (centre[0] * size[0], centre[1] * size[1])

    def placed(points: list[Point]) -> list[Point]:
        return [(2 * (middle[0] + x * cos - y * sin), 2 * (middle[1] + x * sin + y * cos)) for x, y in points]

    outline = SHAPES[shape]()
    stamp = Image.new("L", (size[0] * 2, size[1] * 2))
    pen = ImageDraw.Draw(stamp)
    pen.polygon(placed(outline), fill=255)
    if shape == "ring":
        pen.polygon(placed([(0.55 * x, 0.55 * y) for x, y in outline]), fill=0)
    return stamp.resize(size, Image.Resampling.BOX).filter(ImageFilter.SMOOTH)
