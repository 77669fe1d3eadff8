from __future__ import annotations

from interloom.pipeline.filter import image_filter
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop


@image_filter
def image_format(image: Image, *, keep: tuple[str, ...] = ("jpeg", "png", "webp")) -> Drop | None:
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
