"""The decoder reads the formats of the list and no others, and each failure is a DocumentError that states its cause."""

import io

import numpy as np
import pytest
from PIL import Image

from interloom.pipeline.errors import DocumentError
from interloom.stages._images.decoding import ImageBombError, NotAnImageError, decode
from interloom.stages._images.formats import IMAGE_FORMATS, image_media_type


def encoded(image, format_, **options):
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


@pytest.mark.parametrize("image_format", IMAGE_FORMATS, ids=lambda image_format: image_format.pillow_name)
def test_each_format_is_decoded_and_recognised_by_its_signature(image_format):
    if image_format.pillow_name not in Image.registered_extensions().values():
        pytest.skip("this build of Pillow lacks the format")
    data = encoded(Image.new("RGB", (16, 16), "red"), image_format.pillow_name)
    assert decode(data).size == (16, 16)
    assert image_media_type(data) == (image_format.media_type if image_format.signature else "")


@pytest.mark.parametrize("format_", ["EPS", "DDS", "SGI", "TGA"])
def test_other_formats_of_pillow_are_refused(format_):
    with pytest.raises(NotAnImageError, match="not an image of a known format"):
        decode(encoded(Image.new("RGB", (16, 16)), format_))


@pytest.mark.parametrize(
    ("data", "reason"), [(b"<html>", "not_an_image"), (b"<svg width='1'></svg>", "svg"), (b"", "not_an_image")]
)
def test_what_is_not_an_image_has_a_reason(data, reason):
    with pytest.raises(NotAnImageError) as caught:
        decode(data)
    assert caught.value.reason == reason


def test_a_damaged_header_and_damaged_pixels_are_errors_of_the_document():
    data = encoded(Image.effect_noise((64, 64), 90), "PNG")
    with pytest.raises(DocumentError, match="the header is damaged"):
        decode(data[:12])
    with pytest.raises(DocumentError, match=r"cannot be decoded \(OSError: "):
        decode(data[:300])


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr("interloom.stages._images.decoding._MAX_PIXELS", 99)
    with pytest.raises(ImageBombError, match="too many pixels to decode: 100"):
        decode(encoded(Image.new("L", (10, 10)), "PNG"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_exif_demands(orientation):
    upright = Image.fromarray(np.random.default_rng(1).integers(0, 256, (8, 16, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encoded(upright, "PNG", exif=exif))
    assert decoded.size == ((16, 8) if orientation < 5 else (8, 16))
    assert sorted(decoded.get_flattened_data()) == sorted(upright.get_flattened_data())
    if orientation == 1:
        assert decoded.tobytes() == upright.tobytes()
    if orientation == 6:
        assert decoded.tobytes() == upright.rotate(-90, expand=True).tobytes()


def test_greys_of_16_bits_keep_their_high_byte_and_transparent_ones_are_white():
    file = io.BytesIO()
    Image.fromarray(np.array([[0, 0x1234, 0x80FF, 700]], np.uint16)).save(file, "PNG", transparency=700)
    assert np.asarray(decode(file.getvalue())).tolist() == [[[0] * 3, [0x12] * 3, [0x80] * 3, [255] * 3]]
