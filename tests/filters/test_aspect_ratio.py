import pytest

from interloom.filters.aspect_ratio import aspect_ratio
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped


@pytest.mark.parametrize(
    ("width", "height", "drop"),
    [
        (800, 400, None),
        (400, 800, None),
        (900, 400, Drop("too_long", 2.25, 2.0)),
        (400, 900, Drop("too_long", 2.25, 2.0)),
        (10, 0, Drop("too_long", 10.0, 2.0)),
        (None, None, Drop("not_decoded")),
    ],
)
def test_long_thin_images_are_dropped(width, height, drop):
    assert aspect_ratio(Image(position=0, width=width, height=height)) == drop


def test_the_limit_is_a_parameter():
    assert aspect_ratio(Image(position=0, width=900, height=300), longest=3) is None


def test_a_long_image_leaves_with_its_caption():
    image = Image(position=1, url="https://x.org/a.jpg", width=900, height=100)
    doc = Document(id="d", elements=(Text(position=0, text="Text"), image, Text(position=2, text="Caption", of=1)))
    dropped, kept = aspect_ratio.with_parameters({}).process([doc])
    assert dropped == Dropped("d", Drop("too_long", 9.0, 2.0), 1, "https://x.org/a.jpg")
    assert [e.position for e in kept.elements] == [0]
