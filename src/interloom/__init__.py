"""Interloom: interleaved image-text corpora from web crawls, documents and videos. The packages lie at the top of the repository.

For notebooks: `interloom.run("recipe.yaml")` runs a recipe, and `interloom.open("run")` gives its documents, decisions and scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interloom.jobs.notebook import open_ as open
    from interloom.jobs.notebook import run

__all__ = ["open", "run"]


def __getattr__(name: str) -> Any:
    """`open` and `run`, imported when they are first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'interloom' has no attribute '{name}'")
    from interloom.jobs import notebook

    return {"open": notebook.open_, "run": notebook.run}[name]
