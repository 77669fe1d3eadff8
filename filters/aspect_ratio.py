from __future__ import annotations

from typing import Annotated

from pydantic import Field

from interloom.filters._judge import drop_if_above
from interloom.pipeline.contents import IMAGE_SIZE
from interloom.pipeline.filter import image_filter
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop


@image_filter(needs=[IMAGE_SIZE])
def aspect_ratio(image: Image, *, longest: Annotated[float, Field(ge=1)] = 2.0) -> Drop | None:
    """Drops images whose longer side is more than `longest` times the shorter side.

    The reason is `too_long`, or `not_decoded` if the width or height is unknown. Other published limits: 2 in MMC4, 3 in
    RealSyn (arXiv 2502.12513) and DataComp.

    Parameters:
        longest: Images with a larger ratio of the longer to the shorter side are dropped. Default 2.0 (OBELICS, arXiv
            2306.16527, appendix A.2).
    """
    if image.width is None or image.height is None:
        return Drop("not_decoded")
    short, long = sorted((image.width, image.height))
    return drop_if_above("too_long", long / max(short, 1), longest)
