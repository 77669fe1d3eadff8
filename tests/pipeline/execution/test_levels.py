import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa

from interloom.pipeline.execution import levels
from interloom.pipeline.store.parts import UnitFolder


def test_the_result_of_a_unit_tells_the_place_of_every_range_in_its_file(tmp_path: Path) -> None:
    keys = np.array([0, 5, 1 << 58, (1 << 64) - 2, (1 << 64) - 1], np.uint64)
    rows = pa.table({"key": keys, "order": np.zeros(5, np.int64), "size": np.array([1, 2, 3, 4, 5])})
    with closing(UnitFolder(str(tmp_path), "unit")) as folder:
        result = json.loads(json.dumps(levels.store_sorted(folder, 0, [rows], ["size"])))
    ranges = levels.ranges_at([result], 0)
    assert [(found.number, found.rows, found.weight(0)) for found in ranges] == [(0, 2, 3), (1, 1, 3), (63, 2, 9)]
    stored = [key for found in ranges for table in found.read(str(tmp_path)) for key in table["key"].to_pylist()]
    assert stored == keys.tolist()


def test_the_place_of_a_range_takes_less_than_100_bytes_of_a_commit(tmp_path: Path) -> None:
    keys = np.sort(np.random.default_rng(1).integers(1 << 64, size=10_000, dtype=np.uint64))
    rows = pa.table({"key": keys, "order": np.zeros(len(keys), np.int64)})
    with closing(UnitFolder(str(tmp_path), "unit")) as folder:
        result = levels.store_sorted(folder, 0, [rows])
    assert result["count"] == 64
    assert len(json.dumps(result)) < 64 * 100
