"""Elements of the parallel lists `texts` and `images`, in which of each pair of entries usually one is empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Element, Text
from interloom.stages._input.surrogates import text_of_file

MediumOf = Callable[[object, int, int], Element | None]
"""Makes an entry of `images` an element: the entry, its number in the list, and its position."""


def interleaved(texts: Sequence[object], images: Sequence[object], medium_of: MediumOf) -> Iterator[Element]:
    """Yields the elements of two lists of equal length. The position of an element is its number in the lists. Where a pair has
    both, the image comes after its text, and what follows has a position that is higher by one.

    Raises DocumentError for an entry of `texts` that is no string.
    """
    both = 0
    for number, (text, image) in enumerate(zip(texts, images, strict=True)):
        position = number + both
        if text is not None and not isinstance(text, str):
            raise DocumentError(f"entry {number} of 'texts' is no string but {type(text).__name__}")
        has_image = image is not None and image != ""
        if text is not None and (text.strip() or not has_image):
            yield Text(position=position, text=text_of_file(text))
            both += has_image
            position += has_image
        if has_image and (medium := medium_of(image, number, position)):
            yield medium
