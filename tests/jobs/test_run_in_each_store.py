"""The same small run on each store that is claimed gives the bytes of a run on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.pipeline.store import storage


def shards(recipe: str, run: str) -> dict[str, bytes]:
    """What a run of the recipe in this folder writes, by name."""
    done = CliRunner().invoke(main, ["run", recipe, "--runner", "local", "--quiet", "--set", f"run={run}"])
    assert (done.exit_code, done.stderr) == (0, "")
    return {file.path.removeprefix(run): storage.read(file.path) for file in storage.glob(f"{run}/write_parquet/")}


@pytest.mark.parametrize("store", ["s3", "azure", "gcs"])
def test_a_run_in_a_store_gives_the_bytes_of_one_on_disk(
    store: str, recipe: Callable[..., str], crawl: Callable[..., str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file = recipe(
        ("stages.read_documents", {"paths": crawl(["one", "two", "one"])}), "stages.dedup_exact", "stages.write_parquet"
    )
    there = shards(file, f"{request.getfixturevalue(store)}/run")
    assert there == shards(file, str(tmp_path / "disk"))
    assert "/write_parquet/data/shard-000000.parquet" in there
