import pytest

from interloom.filters.image_name import image_name
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop


@pytest.mark.parametrize(
    "url",
    [
        "https://x.org/img/Logo.png",
        "https://x.org/favicon.ico",
        "https://x.org/wp-content/plugins/share/star.png",
        "//x.org/banner-top.jpg",
        "/static/buttons/next.gif",
        "https://x.org/image?src=%2Fwid%67et.png",
    ],
)
def test_boilerplate_images_are_dropped(url):
    assert image_name(Image(position=0, url=url)) == Drop("named_as_furniture")


@pytest.mark.parametrize(
    "url",
    [
        "https://x.org/harbour.jpg",
        "https://iconic-logos.com/harbour.jpg",
        "https://logo.example",
        "data:image/png;base64,logoiconbutton",
        "DATA:image/png;base64,logo",
        "",
        "http://[::1",
        "https://x.org/%ff%zz.jpg",
    ],
)
def test_other_images_stay(url):
    assert image_name(Image(position=0, url=url)) is None


def test_the_words_are_a_parameter():
    assert image_name(Image(position=0, url="https://x.org/logo.png"), words=("sprite",)) is None
    assert image_name(Image(position=0, url="https://x.org/a+b.png"), words=("a+b",)) == Drop("named_as_furniture")
    assert image_name(Image(position=0, url="https://x.org/logo.png"), words=()) is None
