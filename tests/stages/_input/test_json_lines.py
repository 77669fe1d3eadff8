from pathlib import Path

import pytest

from interloom.pipeline.stage import Split
from interloom.stages._input.json_lines import read_json_lines


@pytest.mark.parametrize("content", [b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n', b'\xef\xbb\xbf\n{"a": 1}\n{"a": 2}\n'])
def test_a_byte_order_mark_does_not_cost_the_first_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.jsonl").write_bytes(content)
    lines = read_json_lines(Split(str(tmp_path / "in.jsonl")), 1000)
    assert [line.error or line.value for line in lines] == [{"a": 1}, {"a": 2}]
