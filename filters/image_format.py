from __future__ import annotations

from interloom.pipeline.filter import image_filter
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop


@image_filter
def image_format(image: Image, *, keep: tuple[str, ...] = ("jpeg", "png", "webp")) -> Drop | None:
    """Keeps images of these formats, as decoded, not as named; the default is OBELICS' (arXiv 2306.16527, appendix A.2)."""
    if not image.format:
        return Drop("not_decoded")
    wanted = image.format in keep or (image.format == "jpeg" and "jpg" in keep)
    return None if wanted else Drop("other_format")
