import pytest

from interloom.filters.image_format import image_format
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_kept_formats_stay(name):
    assert image_format(Image(position=0, format=name)) is None


@pytest.mark.parametrize("name", ["gif", "svg", "avif"])
def test_other_formats_are_dropped(name):
    assert image_format(Image(position=0, format=name)) == Drop("other_format")


def test_an_image_without_a_format_was_not_decoded():
    assert image_format(Image(position=0, url="https://x.org/a.png")) == Drop("not_decoded")


def test_jpg_means_jpeg():
    assert image_format(Image(position=0, format="jpeg"), keep=("jpg", "gif")) is None
    assert image_format(Image(position=0, format="png"), keep=("jpg", "gif")) == Drop("other_format")
