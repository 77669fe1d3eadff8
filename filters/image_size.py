from __future__ import annotations

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.pipeline.contents import IMAGE_SIZE
from interloom.pipeline.filter import image_filter
from interloom.pipeline.ranges import Count
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop


@image_filter(needs=[IMAGE_SIZE])
def image_size(image: Image, *, shortest: Count = 150, longest: Count = 20_000) -> Drop | None:
    """Drops images with a side that is too short or too long.

    The reason is `too_small`, `too_large`, or `not_decoded` if the width or height is unknown.

    Parameters:
        shortest: Images with a shorter side are dropped. Pixels. Default 150 (OBELICS, arXiv 2306.16527, appendix A.2; MMC4,
            arXiv 2304.06939, section 2).
        longest: Images with a longer side are dropped. Pixels. Default 20000 (OBELICS, appendix A.2).
    """
    if image.width is None or image.height is None:
        return Drop("not_decoded")
    sides = image.width, image.height
    return drop_if_below("too_small", min(sides), shortest) or drop_if_above("too_large", max(sides), longest)
