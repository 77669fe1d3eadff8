from __future__ import annotations

from interloom.filters._judge import over, under
from interloom.pipeline.filter import image_filter
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop


@image_filter
def image_size(image: Image, *, shortest: int = 150, longest: int = 20_000) -> Drop | None:
    """Drops images with a side under `shortest` or over `longest` pixels.

    Limits of OBELICS (arXiv 2306.16527, appendix A.2); the lower one also of MMC4 (arXiv 2304.06939, section 2).
    """
    if image.width is None or image.height is None:
        return Drop("not_decoded")
    sides = image.width, image.height
    return under("too_small", min(sides), shortest) or over("too_large", max(sides), longest)
