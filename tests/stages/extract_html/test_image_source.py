import pytest

from interloom.stages.extract_html.image_source import best_of_srcset, is_stand_in


@pytest.mark.parametrize(
    ("srcset", "best"),
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
def test_the_largest_candidate_wins(srcset: str, best: str) -> None:
    assert best_of_srcset(srcset) == best


@pytest.mark.parametrize(
    ("url", "stands_in"), [("/i/spacer.gif", True), ("", True), ("data:image/gif;base64,R0", True), ("/i/cat.jpg", False)]
)
def test_stand_ins_are_known_by_name(url: str, stands_in: bool) -> None:
    assert is_stand_in(url) is stands_in
