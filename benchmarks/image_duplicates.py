"""Image duplicates by the distance of perceptual hashes: `python -m benchmarks image_duplicates`.

Sets: `groups` are the near-duplicates of UKBench photographs that the shared data name; `photos` are the photographs in 3_images
and `book` the figures of a textbook, each with copies that are made here: JPEG, WebP, other sizes, greyscale. Each picture
is a document; `dedup_image` keeps the first of what is within the distance. Truth: of each original and its copies all but the
first are dropped. So precision is the share of right drops among the drops, recall the share of duplicates that are dropped.
Pictures that a perceptual hash is not made for (flipped, turned, cropped) are no part of that; below they have their distances.
"""

from __future__ import annotations

import io
import itertools
import json
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image as Pillow
from PIL import ImageOps

from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Drop, Dropped
from interloom.stages.decode_images.measures import measure
from interloom.stages.dedup_image import DedupImage

sys.path.append(str(Path(__file__).parents[1] / "tests" / "plugins"))
import global_steps

SHARED = Path(__file__).parents[2] / "shared" / "data"
PHOTOS = (
    "clip_retrieval/images/*.jpg",
    "data_juicer/img?.*",
    "imagededup_ukbench/base/*.jpg",
    *(
        f"scikit_image/{name}.png"
        for name in ["astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "moon"]
    ),
)
DISTANCES = range(11)
Copy = Callable[[Pillow.Image], bytes]


def encoded(kind: str, quality: int) -> Copy:
    def copy(picture: Pillow.Image) -> bytes:
        file = io.BytesIO()
        picture.save(file, kind, quality=quality)
        return file.getvalue()

    return copy


def scaled(factor: float, quality: int = 85) -> Copy:
    def copy(picture: Pillow.Image) -> bytes:
        size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        return encoded("JPEG", quality)(picture.resize(size, Pillow.Resampling.BICUBIC))

    return copy


def cropped(share: float) -> Copy:
    def copy(picture: Pillow.Image) -> bytes:
        x, y = round(picture.width * share / 2), round(picture.height * share / 2)
        return encoded("JPEG", 90)(picture.crop((x, y, picture.width - x, picture.height - y)))

    return copy


COPIES: Mapping[str, Copy] = {
    **{f"{kind} {quality}": encoded(kind, quality) for kind in ("JPEG", "WEBP") for quality in (20, 50, 75, 95)},
    "half size": scaled(0.5),
    "a third": scaled(1 / 3),
    "double size": scaled(2),
    "a third, JPEG 50": scaled(1 / 3, 50),
    "greyscale": lambda picture: encoded("JPEG", 85)(picture.convert("L")),
}
OTHERS: Mapping[str, Copy] = {
    "cropped by 2 %": cropped(0.02),
    "cropped by 10 %": cropped(0.1),
    "flipped": lambda picture: encoded("JPEG", 90)(picture.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT)),
    "turned by 90 degrees": lambda picture: encoded("JPEG", 90)(picture.transpose(Pillow.Transpose.ROTATE_90)),
}
"""What a perceptual hash does not find, or finds only in part."""


def phash(data: bytes) -> int:
    measures = measure(data, 1 << 27, False)
    if isinstance(measures, Drop):
        raise ValueError(measures.reason)
    return int(measures.phash, 16)


def groups(is_meant: Callable[[str], bool]) -> Iterator[list[int]]:
    """Hashes of the UKBench photographs, group by group, of those files whose name is meant."""
    folder = SHARED / "3_images/imagededup_ukbench"
    named = json.loads((folder / "gold_groups.json").read_text())["groups"]
    single = [[f"base/{file.name}"] for file in sorted((folder / "base").iterdir())]
    for group in [*named, *(picture for picture in single if picture[0] not in {*itertools.chain(*named)})]:
        yield [phash((folder / name).read_bytes()) for name in group if is_meant(name)]


def is_upright(name: str) -> bool:
    return "flip" not in name and "rotation" not in name


def opened(files: Sequence[Path]) -> Iterator[Pillow.Image]:
    for file in files:
        with Pillow.open(file) as picture:
            yield ImageOps.exif_transpose(picture).convert("RGB")


def photos() -> list[Path]:
    return [file for pattern in PHOTOS for file in sorted((SHARED / "3_images").glob(pattern))]


def book() -> list[Path]:
    return sorted((SHARED / "8_interleaved/openstax_philosophy/media").iterdir())


def copied(files: Sequence[Path]) -> Iterator[list[int]]:
    """Hashes of each picture and its copies."""
    for file, picture in zip(files, opened(files), strict=True):
        yield [phash(file.read_bytes()), *(phash(copy(picture)) for copy in COPIES.values())]


def scores(sets: Sequence[Sequence[int]], distance: int) -> tuple[float, float, float]:
    """Precision, recall and F1 of the drops, the documents being in random order."""
    numbered = [(number, phash_) for number, hashes in enumerate(sets) for phash_ in hashes]
    random.Random(1).shuffle(numbered)
    docs = [
        Document(id=f"{n:05}", elements=(Image(position=0, phash=f"{phash_:016x}"),)) for n, (_, phash_) in enumerate(numbered)
    ]
    firsts = {number: doc.id for doc, (number, _) in reversed([*zip(docs, numbered, strict=True)])}
    duplicates = {doc.id for doc in docs} - {*firsts.values()}
    step = DedupImage(key="phash", distance=distance, at_most=1, keep="first")
    dropped = {outcome.id for outcome in global_steps.outcomes(step, docs) if isinstance(outcome, Dropped)}
    right = len(duplicates & dropped)
    return right / max(len(dropped), 1), right / len(duplicates), 2 * right / (len(duplicates) + len(dropped))


def table(name: str, sets: Sequence[Sequence[int]]) -> None:
    print(f"\n{name}: {len(sets)} pictures, {sum(map(len, sets)) - len(sets)} copies of them")
    between = [(a ^ b).bit_count() for hashes, other in itertools.combinations(sets, 2) for a in hashes for b in other]
    print(f"least distance of different pictures: {min(between)}")
    print("distance " + "".join(f"{distance:>7}" for distance in DISTANCES))
    rows = zip(*(scores(sets, distance) for distance in DISTANCES), strict=True)
    for title, row in zip(("precision", "recall", "F1"), rows, strict=True):
        print(f"{title:<9}" + "".join(f"{value:>7.3f}" for value in row))


def by_copy(files: Sequence[Path]) -> None:
    print(f"\n{'distance to the original':<26}{'median':>8}{'most':>6}{'share within 0':>16}{'4':>6}{'10':>6}")
    originals = [phash(file.read_bytes()) for file in files]
    for name, copy in {**COPIES, **OTHERS}.items():
        distances = [
            (original ^ phash(copy(picture))).bit_count() for original, picture in zip(originals, opened(files), strict=True)
        ]
        shares = [sum(bits <= most for bits in distances) / len(distances) for most in (0, 4, 10)]
        print(
            f"{name:<26}{statistics.median(distances):>8.0f}{max(distances):>6}{shares[0]:>16.2f}{shares[1]:>6.2f}{shares[2]:>6.2f}"
        )


def main() -> None:
    table("groups", list(groups(is_upright)))
    first, *others = next(groups(lambda name: True))
    print(f"one with its greyscale, flipped and turned copies: {sorted((first ^ other).bit_count() for other in others)} bits")
    copies = {"photos": list(copied(photos())), "book": list(copied(book()))}
    for name, sets in {**copies, "photos and book": [*itertools.chain(*copies.values())]}.items():
        table(name, sets)
    by_copy([*photos(), *book()])


if __name__ == "__main__":
    main()
