import pytest

from interloom.filters.image_count import image_count
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Drop


def _document(count):
    return Document(id="d", elements=tuple(Image(position=n) for n in range(count)))


@pytest.mark.parametrize(
    ("count", "drop"),
    [(0, Drop("too_few_images", 0, 1)), (1, None), (30, None), (31, Drop("too_many_images", 31, 30))],
)
def test_documents_of_too_few_or_too_many_images_are_dropped(count, drop):
    assert image_count(_document(count)) == drop


def test_a_limit_of_null_is_off():
    assert image_count(_document(0), at_least=None) is None
    assert image_count(_document(50), at_most=None) is None
