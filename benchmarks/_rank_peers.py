"""Does with polars or Ray Data what the exchange does, over the same rows: `FOLDER WHO WHAT`. Prints counts in JSON.

polars holds all rows in memory: a bound of what one machine can do without storage. Ray Data shuffles the rows by hash of their
group and writes them; it ranks nothing.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from benchmarks._rank_exchange import WORKERS

_PARTITIONS = 64
SHARE, AT_MOST = 0.3, 1000


def polars(folder: Path, what: str) -> dict[str, int]:
    import polars as pl

    by = {"top": ["score", "draw"], "capped": ["score", "draw"], "drawn": ["draw"]}[what]
    rows = pl.read_parquet(folder / "rows" / "*.parquet")
    ordered = rows.sort(by, descending=[name == "score" for name in by])
    if what == "top":
        behind = ordered.slice(-(-rows.height * 3 // 10))
    else:
        behind = ordered.filter(pl.int_range(pl.len()).over("group") >= AT_MOST)
    behind.write_parquet(folder / "polars.parquet")
    return {"behind": behind.height}


def ray_data(folder: Path, what: str) -> dict[str, int]:
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    import ray
    from ray._private.worker import global_worker
    from ray.data.context import DataContext, ShuffleStrategy

    ray.init(address="local", num_cpus=WORKERS, include_dashboard=False)
    DataContext.get_current().shuffle_strategy = ShuffleStrategy.HASH_SHUFFLE
    rows = ray.data.read_parquet(str(folder / "rows"))
    shuffled = rows.repartition(_PARTITIONS, keys=["group"])
    shuffled.write_parquet(str(folder / "ray"))
    logs = Path(global_worker.node.get_logs_dir_path())
    files = list((folder / "ray").glob("*.parquet"))
    written = sum(file.stat().st_size for file in files)
    return {"behind": 0, "written": len(files), "written_bytes": written, "spilled_bytes": _spilled_bytes(logs)}


def _spilled_bytes(logs: Path) -> int:
    """What the object store spilled to disk, as it tells in its log from time to time: "Spilled 120 MiB, 4 objects"."""
    told = re.findall(r"Spilled (\d+) MiB", "".join(file.read_text(errors="replace") for file in logs.glob("raylet*")))
    return max(map(int, told), default=0) << 20


def main() -> None:
    folder, who, what = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    print(json.dumps((polars if who == "polars" else ray_data)(folder, what)))


if __name__ == "__main__":
    main()
