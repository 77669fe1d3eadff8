"""Valid images are measured and keep their bytes; all others leave with the right reason."""

import hashlib
import io
import struct
import zlib

import imagehash
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Quarantined
from interloom.stages.decode_images import DecodeImages


def scene(seed=0, width=60, height=40, mode="RGB"):
    """A smooth random image, with enough low frequencies that its hash does not depend on rounding."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return Pillow.fromarray(coarse).resize((width, height), Pillow.Resampling.BICUBIC).convert(mode)


def encoded(pixels, format_, **options):
    buffer = io.BytesIO()
    pixels.save(buffer, format_, **options)
    return buffer.getvalue()


def decode(data, **parameters):
    """The result for one image: the measured Image, its Drop, or its error."""
    doc = Document(id="d", elements=(Image(position=3, url="http://a/x", data=data),))
    *decisions, kept = DecodeImages(**parameters).process([doc])
    assert isinstance(kept, Document) and len(kept.images) + len(decisions) == 1
    if kept.images:
        return kept.images[0]
    (decision,) = decisions
    assert (decision.id, decision.position, decision.url) == ("d", 3, "http://a/x")
    return decision.drop if isinstance(decision, Dropped) else decision.error


def header_only_png(width, height):
    """A PNG whose header states this size, without pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"x\x9c") + chunk(b"IEND", b"")


def test_a_valid_image_is_measured_and_keeps_its_bytes():
    data = encoded(scene(), "PNG")
    image = decode(data)
    assert (image.format, image.width, image.height) == ("png", 60, 40)
    assert image.data == data
    assert image.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "ICO", "JPEG2000", "PPM"])
def test_the_format_is_in_lower_case(format_):
    pixels = scene(width=48, height=48)
    options = {"sizes": [(48, 48)]} if format_ == "ICO" else {}
    image = decode(encoded(pixels, format_, **options))
    assert (image.format, image.width, image.height) == (format_.lower(), 48, 48)


@pytest.mark.parametrize("seed", range(20))
def test_the_perceptual_hash_is_that_of_imagehash(seed):
    pixels = scene(seed, 101 + 7 * seed, 240 - 5 * seed)
    assert decode(encoded(pixels, "PNG")).phash == str(imagehash.phash(pixels))


def drawing(seed):
    """A black drawing, as the mask of its lines."""
    return Pillow.fromarray(np.where(np.asarray(scene(seed, 160, 120, "L")) > 128, 255, 0).astype(np.uint8))


def on_transparent(lines, mode):
    """The drawing in this mode; where there is no line, black (or nearly) that is transparent."""
    black = Pillow.new("L", lines.size, 0)
    hidden = np.where(np.asarray(lines) > 0, 0, 3)
    if mode == "RGBA":
        return encoded(Pillow.merge("RGBA", [black, black, black, lines]), "PNG")
    if mode == "LA":
        return encoded(Pillow.merge("LA", [black, lines]), "PNG")
    if mode == "P":
        palette = Pillow.fromarray(np.where(hidden > 0, 1, 0).astype(np.uint8)).convert("P")
        palette.putpalette([0, 0, 0] * 2)
        return encoded(palette, "GIF", transparency=1)
    if mode == "I;16":
        return encoded(Pillow.fromarray((hidden * 300).astype(np.uint16)), "PNG", transparency=900)
    return encoded(Pillow.fromarray(hidden.astype(np.uint8)), "PNG", transparency=3)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "I;16"])
def test_black_drawings_on_transparent_ground_have_the_hashes_of_drawings_on_white(mode):
    ours = [decode(on_transparent(drawing(seed), mode)).phash for seed in range(3)]
    assert ours == [str(imagehash.phash(ImageOps.invert(drawing(seed)))) for seed in range(3)]
    assert len(set(ours)) == 3


@pytest.mark.parametrize("seed", range(10))
def test_the_hash_of_a_jpeg_is_that_of_its_luma(seed):
    data = encoded(scene(seed, 320, 200), "JPEG", quality=90)
    luma = Pillow.open(io.BytesIO(data)).convert("YCbCr").getchannel("Y")
    ours, theirs = int(decode(data).phash, 16), int(str(imagehash.phash(luma)), 16)
    assert (ours ^ theirs).bit_count() <= 2


@pytest.mark.parametrize(("width", "height"), [(123, 456), (456, 123), (208, 495), (524, 316), (33, 1024), (9, 9)])
def test_photos_of_many_sizes_have_their_sizes_and_hashes(width, height):
    data = encoded(scene(width, width, height), "JPEG", quality=95)
    image = decode(data)
    assert (image.width, image.height) == (width, height)
    assert image.phash == str(imagehash.phash(Pillow.open(io.BytesIO(data))))


def test_an_image_of_one_colour_has_only_the_mean_frequency():
    assert decode(encoded(Pillow.new("RGB", (50, 30), (90, 120, 7)), "PNG")).phash == "8000000000000000"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F", "LAB"])
def test_every_mode_has_a_hash(mode):
    pixels = Pillow.fromarray(np.asarray(scene(mode="L")).astype(np.uint16) << 8) if mode == "I;16" else scene()
    pixels = pixels if mode == "I;16" else pixels.convert(mode) if mode != "LAB" else Pillow.new("LAB", (60, 40))
    image = decode(encoded(pixels, "TIFF"))
    assert (image.width, image.height, len(image.phash)) == (60, 40, 16)


def test_a_cmyk_jpeg_is_measured():
    assert decode(encoded(scene(mode="CMYK"), "JPEG")).width == 60


def test_sixteen_bits_look_like_eight():
    grey = scene(4, mode="L")
    deep = Pillow.fromarray(np.asarray(grey).astype(np.uint16) * 256)
    assert decode(encoded(deep, "PNG")).phash == decode(encoded(grey, "PNG")).phash


def test_a_palette_with_transparency_gives_no_warning():
    palette = scene().quantize(16)
    assert decode(encoded(palette, "PNG", transparency=bytes(range(16)))).format == "png"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_and_hash_are_those_after_exif_rotation(orientation):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    data = encoded(scene(1, 64, 40), "PNG", exif=exif)
    upright = ImageOps.exif_transpose(Pillow.open(io.BytesIO(data)))
    image = decode(data)
    assert (image.width, image.height) == upright.size
    assert image.phash == str(imagehash.phash(upright))


def test_an_image_with_broken_exif_is_kept():
    data = encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(data).width == 60


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_truncated_file_is_quarantined(format_):
    data = encoded(scene(width=200, height=200), format_)
    error = decode(data[: len(data) * 2 // 3])
    assert isinstance(error, str) and error and "\n" not in error


@pytest.mark.parametrize("size", [3, 10, 20, 30])
def test_an_image_cut_in_its_header_is_quarantined(size):
    assert isinstance(decode(encoded(scene(), "JPEG")[:size]), str)


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "TIFF"])
def test_an_image_whose_header_is_damaged_is_quarantined(format_):
    data = encoded(scene(), format_)
    damaged = data[:12] + b"\xff" * 30 + data[42:]
    assert decode(damaged) == "cannot be decoded: the first bytes are those of an image, but the header is damaged"


def test_a_tiff_of_a_kind_that_pillow_cannot_read_is_not_called_damaged():
    data = bytearray(encoded(scene(), "TIFF"))
    colours = data.index(bytes([6, 1, 3, 0, 1, 0, 0, 0]))  # the field PhotometricInterpretation: a number of 16 bits
    data[colours + 8] = 99
    assert decode(bytes(data)) == "cannot be decoded: Pillow cannot read this kind of TIFF"


def test_a_flipped_bit_in_a_png_is_quarantined():
    data = bytearray(encoded(scene(width=200, height=200), "PNG"))
    data[len(data) // 2] ^= 0x10
    assert isinstance(decode(bytes(data)), str)


def test_a_bomb_is_dropped_going_by_its_header():
    assert decode(header_only_png(60_000, 60_000)) == Drop("bomb", 3.6e9, 100_000_000)


def test_one_pixel_over_the_limit_is_a_bomb():
    data = encoded(scene(width=50, height=50), "PNG")
    assert decode(data, max_pixels=2499) == Drop("bomb", 2500, 2499)
    assert decode(data, max_pixels=2500).width == 50


def test_a_bomb_inside_an_icon_is_dropped():
    bomb = header_only_png(60_000, 60_000)
    icon = struct.pack("<HHHBBBBHHII", 0, 1, 1, 32, 32, 0, 0, 1, 32, len(bomb), 22) + bomb
    assert decode(icon) == Drop("bomb", 3.6e9, 100_000_000)


def test_the_limit_of_pillow_is_restored():
    before = Pillow.MAX_IMAGE_PIXELS
    decode(header_only_png(60_000, 60_000))
    assert before == Pillow.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_kept_or_dropped_as_asked(format_):
    frames = [scene(n) for n in range(3)]
    data = encoded(frames[0], format_, save_all=True, append_images=frames[1:])
    assert (decode(data).width, decode(data).height) == (60, 40)
    assert decode(data, animated="drop") == Drop("animated", 3, 1)


def test_the_pages_of_a_tiff_are_not_an_animation():
    assert decode(encoded(scene(), "TIFF", save_all=True, append_images=[scene(1)]), animated="drop").format == "tiff"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "not_an_image"),
        (b'<html><body><svg width="3"></svg></body></html>', "not_an_image"),
        (b"{}", "not_an_image"),
        (b"BM", "not_an_image"),
        (bytes(4096), "not_an_image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>', "svg"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made by hand -->\n<svg viewBox="0 0 1 1"></svg>', "svg"),
    ],
)
def test_what_is_not_an_image_is_dropped(data, reason):
    assert decode(data).reason == reason


def test_an_image_without_bytes_is_dropped():
    assert decode(None) == Drop("not_fetched")


def test_random_bytes_behind_a_signature_never_raise():
    noise = np.random.default_rng(3)
    for start in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x40\0\0\0WEBPVP8 ", b"II*\0", b"BM"):
        for _ in range(30):
            assert not isinstance(decode(start + noise.bytes(200)), Image)


def test_random_bytes_are_not_an_image():
    noise = np.random.default_rng(5)
    assert {decode(noise.bytes(size)) for size in (20, 5_000, 190_000)} == {Drop("not_an_image")}


def test_a_measured_image_is_not_decoded_again():
    measured = Image(position=0, data=b"not decoded", width=1, height=2, phash="0" * 16, sha256="s", format="png")
    doc = Document(id="d", elements=(measured,))
    assert list(DecodeImages().process([doc])) == [doc]


def test_a_bad_image_leaves_with_its_caption_and_nothing_else():
    good = encoded(scene(), "PNG")
    elements = (
        Text(position=0, text="before"),
        Image(position=1, data=good),
        Image(position=2, data=good[:300]),
        Text(position=3, text="of the broken one", origin="alt", of=2),
        Image(position=4, data=b"<html>"),
        Text(position=5, text="after"),
    )
    broken, dropped, kept = DecodeImages().process([Document(id="d", elements=elements)])
    assert isinstance(broken, Quarantined) and broken.position == 2
    assert dropped == Dropped("d", Drop("not_an_image"), 4)
    assert isinstance(kept, Document) and [e.position for e in kept.elements] == [0, 1, 5]


def test_a_limit_below_one_pixel_is_a_problem():
    assert list(DecodeImages().check()) == []
    assert len(list(DecodeImages(max_pixels=0).check())) == 1


@pytest.mark.shared_data("3_images/clip_retrieval", twin="test_photos_of_many_sizes_have_their_sizes_and_hashes")
def test_real_photos_have_the_sizes_in_their_names(shared_data):
    files = sorted((shared_data / "3_images" / "clip_retrieval" / "images").glob("*.jpg"))
    assert len(files) == 7
    for file in files:
        image = decode(file.read_bytes())
        assert f"{image.width}_{image.height}" == file.stem
        assert image.phash == str(imagehash.phash(Pillow.open(file)))


@pytest.mark.shared_data("3_images/scikit_image", twin="test_a_truncated_file_is_quarantined")
def test_a_real_truncated_photo_is_quarantined(shared_data):
    error = decode((shared_data / "3_images/scikit_image/truncated.jpg").read_bytes())
    assert error == "cannot be decoded (OSError: Truncated File Read)"


@pytest.mark.shared_data("3_images/scikit_image", twin="test_a_tiff_of_a_kind_that_pillow_cannot_read_is_not_called_damaged")
def test_a_real_tiff_of_a_kind_that_pillow_cannot_read_is_not_called_damaged(shared_data):
    assert "Pillow cannot read this kind of TIFF" in decode(
        (shared_data / "3_images/scikit_image/multipage_rgb.tif").read_bytes()
    )


@pytest.mark.shared_data("3_images/imagededup_ukbench", twin="test_random_bytes_are_not_an_image")
def test_a_real_corrupt_file_is_not_an_image(shared_data):
    data = (shared_data / "3_images/imagededup_ukbench/mixed/ukbench09268_corrupt.jpg").read_bytes()
    assert decode(data) == Drop("not_an_image")


@pytest.mark.shared_data("3_images", twin="test_the_format_is_in_lower_case")
def test_all_other_real_images_are_measured(shared_data):
    files = [f for f in sorted((shared_data / "3_images").rglob("*")) if f.suffix in {".jpg", ".png", ".gif"}]
    valid = [f for f in files if f.stem not in {"truncated", "ukbench09268_corrupt"}]
    assert len(valid) > 30
    assert all(isinstance(decode(f.read_bytes()), Image) for f in valid)
