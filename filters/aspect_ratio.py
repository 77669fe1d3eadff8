from __future__ import annotations

from interloom.filters._judge import over
from interloom.pipeline.filter import image_filter
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop


@image_filter
def aspect_ratio(image: Image, *, longest: float = 2.0) -> Drop | None:
    """Drops images whose longer side is more than `longest` times the shorter one.

    Published: 2 in OBELICS (arXiv 2306.16527, appendix A.2) and MMC4, 3 in RealSyn (arXiv 2502.12513) and DataComp.
    """
    if image.width is None or image.height is None:
        return Drop("not_decoded")
    short, long = sorted((image.width, image.height))
    return over("too_long", long / max(short, 1), longest)
