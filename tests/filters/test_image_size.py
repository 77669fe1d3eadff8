import pytest

from interloom.filters.image_size import image_size
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop


@pytest.mark.parametrize(
    ("width", "height", "drop"),
    [
        (150, 20_000, None),
        (149, 800, Drop("too_small", 149, 150)),
        (800, 1, Drop("too_small", 1, 150)),
        (20_001, 800, Drop("too_large", 20_001, 20_000)),
        (0, 0, Drop("too_small", 0, 150)),
        (None, 800, Drop("not_decoded")),
        (800, None, Drop("not_decoded")),
    ],
)
def test_images_of_unlikely_size_are_dropped(width, height, drop):
    assert image_size(Image(position=0, width=width, height=height)) == drop


def test_the_limits_are_parameters():
    assert image_size(Image(position=0, width=100, height=200), shortest=100, longest=199) == Drop("too_large", 200, 199)
