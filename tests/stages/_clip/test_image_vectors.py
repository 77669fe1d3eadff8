"""Equal images are encoded once, and images without a vector are quarantined with the texts that describe them."""

import numpy as np

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Quarantined
from interloom.stages._clip.image_vectors import ImageVectors, image_key
from interloom.stages._embed.rows import Embeddings

NOTHING = Embeddings("model", "revision")


class RecordingTowers:
    """Gives the vector [n] to the n-th image, and an error to images of the bytes b"bad"."""

    def __init__(self):
        self.encoded = []

    def embed_images(self, encoded):
        self.encoded = list(encoded)
        vectors = np.arange(len(self.encoded), dtype=np.float16)[:, None]
        return vectors, {n: "broken" for n, data in enumerate(self.encoded) if data == b"bad"}


def document(*images, id_="d"):
    return Document(id=id_, elements=tuple(Image(position=n, data=data) for n, data in enumerate(images)))


def test_equal_images_of_several_documents_are_encoded_once():
    towers = RecordingTowers()
    docs = [document(b"a", b"b"), document(b"b", id_="e")]
    images = ImageVectors.of(docs, lambda: towers, NOTHING)
    assert towers.encoded == [b"a", b"b"]
    assert [images.vectors[image_key(image)].tolist() for doc in docs for image in doc.images] == [[0.0], [1.0], [1.0]]


def test_images_without_a_vector_leave_with_their_texts():
    doc = document(b"a", b"bad", None)
    doc = doc.with_elements([*doc.elements, Text(position=3, text="x", of=1), Text(position=4, text="y")])
    images = ImageVectors.of([doc], RecordingTowers, NOTHING)
    assert list(images.quarantined(doc)) == [
        Quarantined("d", "broken", 1),
        Quarantined("d", "the image has no bytes to score; fetch images first", 2),
    ]
    assert [element.position for element in images.without_broken(doc).elements] == [0, 4]


def test_the_model_is_not_loaded_without_images_to_encode():
    def never():
        raise AssertionError("the model was loaded")

    assert ImageVectors.of([document(None)], never, NOTHING).vectors == {}
