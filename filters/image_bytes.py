from __future__ import annotations

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.pipeline.filter import image_filter
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop


@image_filter
def image_bytes(image: Image, *, at_least: int | None = 5000, at_most: int | None = None) -> Drop | None:
    """Drops images whose file is too small or too large.

    The reason is `too_few_bytes`, `too_many_bytes`, or `not_fetched` if the image has no bytes.

    Parameters:
        at_least: Smaller files are dropped. Bytes; null is off. Default 5000 (LAION-5B, arXiv 2210.08402, section 3: 5 KB).
        at_most: Larger files are dropped. Bytes; null is off. Default null, our choice.
    """
    size = len(image.data) if image.data is not None else image.blob.size if image.blob is not None else None
    if size is None:
        return Drop("not_fetched")
    return drop_if_below("too_few_bytes", size, at_least) or drop_if_above("too_many_bytes", size, at_most)
