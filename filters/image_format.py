from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from interloom.pipeline.contents import IMAGE_FORMAT
from interloom.pipeline.filter import image_filter
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop

Format = Literal["avif", "bmp", "gif", "ico", "jpeg", "jpeg2000", "jpg", "png", "ppm", "tiff", "webp"]
"""What `stages.decode_images` writes, and "jpg"."""
Formats = Annotated[tuple[Format, ...], Field(min_length=1)]


@image_filter(needs=[IMAGE_FORMAT])
def image_format(image: Image, *, keep: Formats = ("jpeg", "png", "webp")) -> Drop | None:
    """Drops images that are not in one of the formats to keep.

    The format is that found by decoding, not that of the file name. The reason is `other_format`, or `not_decoded` if the
    format is unknown.

    Parameters:
        keep: Formats of the images that stay, in lower case; "jpg" means "jpeg". Default "jpeg", "png", "webp" (OBELICS, arXiv
            2306.16527, appendix A.2).
    """
    if not image.format:
        return Drop("not_decoded")
    is_kept = image.format in keep or (image.format == "jpeg" and "jpg" in keep)
    return None if is_kept else Drop("other_format")
