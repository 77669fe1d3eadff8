import pytest

from interloom.filters.opt_out import opt_out
from interloom.schemas.document import Document, Source
from interloom.schemas.outcome import Drop


@pytest.mark.parametrize(
    ("evidence", "words", "drop"),
    [
        ("", (), None),
        ("meta robots: noai", (), Drop("opted_out")),
        ("meta robots: noimageai", ("noai",), None),
        ("header X-Robots-Tag: noimageindex", (), None),
        ("header X-Robots-Tag: noimageindex; meta robots: noai", (), Drop("opted_out")),
        ("header X-Robots-Tag: noimageindex", ("noimageindex",), Drop("opted_out")),
        ("header TDM-Reservation: 1", ("noai", "tdm-reservation"), Drop("opted_out")),
    ],
)
def test_documents_with_evidence_of_an_opt_out_are_dropped(evidence, words, drop):
    assert opt_out(Document(id="d", source=Source(opt_out=evidence)), words=words) == drop
