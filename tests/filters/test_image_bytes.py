from interloom.filters.image_bytes import image_bytes
from interloom.schemas.document import Blob, Image
from interloom.schemas.outcome import Drop


def test_files_at_the_limits_stay():
    assert image_bytes(Image(position=0, data=b"x" * 5000)) is None
    assert image_bytes(Image(position=0, data=b"x" * 5000), at_most=5000) is None


def test_too_small_and_too_large_files_are_dropped():
    assert image_bytes(Image(position=0, data=b"x" * 4999)) == Drop("too_few_bytes", 4999, 5000)
    assert image_bytes(Image(position=0, data=b"xx"), at_least=None, at_most=1) == Drop("too_many_bytes", 2, 1)


def test_the_size_of_stored_bytes_is_known_without_reading_them():
    assert image_bytes(Image(position=0, blob=Blob("blob", 7, 100))) == Drop("too_few_bytes", 100, 5000)


def test_an_image_without_bytes_is_not_fetched():
    assert image_bytes(Image(position=0)) == Drop("not_fetched")
