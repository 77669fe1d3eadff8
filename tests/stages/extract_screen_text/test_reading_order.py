import pytest

from interloom.stages.extract_screen_text.reading_order import rows


def line(x, y, width, height=20):
    return (x, y, x + width, y + height)


def test_no_boxes_make_no_rows():
    assert rows([]) == []


def test_lines_go_from_the_top():
    assert rows([line(0, 60, 200), line(0, 0, 200), line(0, 30, 200)]) == [[1], [2], [0]]


def test_boxes_beside_each_other_are_one_row():
    assert rows([line(60, 2, 50), line(0, 0, 50), line(0, 40, 50)]) == [[1, 0], [2]]


def test_two_columns_under_a_title():
    title = [line(0, 0, 600)]
    left, right = ([line(x, y, 250) for y in (50, 80, 110)] for x in (0, 350))
    assert rows([*title, *left, *right]) == [[0], [1], [2], [3], [4], [5], [6]]


def test_columns_whose_lines_are_not_level():
    left, right = [line(0, y, 250) for y in (50, 80, 110)], [line(350, y, 250) for y in (63, 93, 123)]
    assert rows([*right, *left]) == [[3], [4], [5], [0], [1], [2]]


def test_three_columns():
    boxes = [line(x, y, 150) for x in (0, 200, 400) for y in (0, 30)]
    assert rows(boxes) == [[0], [1], [2], [3], [4], [5]]


def test_columns_end_where_a_line_runs_across():
    boxes = [line(0, 0, 150), line(200, 0, 150), line(0, 30, 150), line(200, 30, 150), line(0, 60, 350), line(0, 90, 150)]
    assert rows(boxes) == [[0], [2], [1], [3], [4], [5]]


def test_short_cells_are_read_by_row():
    boxes = [line(x, y, 40) for x in (0, 200) for y in (0, 30, 60)]
    assert rows(boxes) == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (5, 5, 5, 90), (9, 9, 1, 1)])
def test_boxes_without_area_are_in_a_row_too(box):
    assert sorted(n for row in rows([box, line(0, 30, 50), box]) for n in row) == [0, 1, 2]


def test_every_box_is_in_one_row():
    boxes = [line(17 * n % 900, 31 * n % 700, 40 + n % 90) for n in range(300)]
    assert sorted(n for row in rows(boxes) for n in row) == list(range(300))


def test_a_page_number_far_below_is_in_no_column():
    left, right = [line(0, y, 250) for y in (0, 30)], [line(350, y, 250) for y in (0, 30, 60)]
    assert rows([*left, line(0, 900, 20), *right]) == [[0], [1], [3], [4], [5], [2]]


def test_a_column_may_be_longer_than_the_other():
    left, right = [line(0, y, 250) for y in (0, 30)], [line(350, y, 250) for y in (0, 30, 60, 130)]
    assert rows([*left, *right]) == [[0], [1], [2], [3], [4], [5]]


def test_the_label_of_an_axis_does_not_join_the_lines_beside_it():
    label, ticks = (0, 100, 20, 400), [line(30, y, 30) for y in (100, 200, 300, 380)]
    assert rows([line(0, 0, 600), label, *ticks, line(100, 420, 300)]) == [[0], [1], [2], [3], [4], [5], [6]]
