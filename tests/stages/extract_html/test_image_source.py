import pytest

from interloom.stages.extract_html.image_names import is_placeholder
from interloom.stages.extract_html.image_source import largest_candidate


@pytest.mark.parametrize(
    ("srcset", "url"),
    [
        ("a.jpg 1x, b.jpg 2x", "b.jpg"),
        ("a.jpg", "a.jpg"),
        ("a.jpg 300w,b.jpg 600w,c.jpg 100w", "b.jpg"),
        ("http://x/a,w_300/b.jpg 300w, http://x/a,w_900/b.jpg 900w", "http://x/a,w_900/b.jpg"),
        ("data:image/png;base64,AAAA 1x", "data:image/png;base64,AAAA"),
        ("", ""),
        (" , ,", ""),
    ],
)
def test_the_largest_candidate_of_a_srcset_is_chosen(srcset: str, url: str) -> None:
    assert largest_candidate(srcset) == url


@pytest.mark.parametrize(
    ("url", "expected"), [("/i/spacer.gif", True), ("", True), ("data:image/gif;base64,R0", True), ("/i/cat.jpg", False)]
)
def test_placeholders_are_recognized_by_their_url(url: str, expected: bool) -> None:
    assert is_placeholder(url) is expected
