"""Plug-ins of a recipe's own (`use: mypack.too_dark`): found beside the recipe, stored with the run, loaded by workers.

Only the first name of a `use`, and modules beside it that it imports, are looked up, and only after installed packages, so
that a folder which happens to lie there (`schemas/`, `jobs/`) hides nothing. `sys.path` stays as it is.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning import fingerprint
from interloom.pipeline.store import storage
from interloom.pipeline.temporary import folder_until_exit

MAX_BYTES = 64 << 20
"""All files of a recipe's own plug-ins together: they are read by every worker."""
_FOLDER = "code"
_STANDARD = sys.stdlib_module_names


class _Finder:
    """The last of Python's finders: knows the top-level names of the recipe's own code, and where each lies."""

    def __init__(self) -> None:
        self.homes: dict[str, str] = {}

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [self.homes[name]]) if path is None and name in self.homes else None


_finder = _Finder()
_loaded = ""
"""The hash of the code that this process has admitted; empty for none."""
_planned: dict[str, dict[str, bytes]] = {}
"""The files of the code that this process has planned with, by its hash: what is stored is what was checked."""


def admit_beside(recipe: str, uses: Iterable[str]) -> str:
    """Makes what these `use` lines name importable from the folder of the recipe (local or `s3://`), as far as it lies there and
    is not installed. Returns the hash of that code, empty for none. Raises ConfigError if it is too large to be stored."""
    _admit({}, "")
    names = {use.partition(".")[0] for use in uses}
    wanted = {name for name in names if name.isidentifier() and name not in _taken() and not _is_installed(name, recipe)}
    folder = _local(recipe.rpartition("/")[0], wanted) if wanted else None
    tops = sorted(name for name in wanted if folder and _is_there(folder, name))
    if folder is None or not tops:
        return ""
    _admit(dict.fromkeys(tops, str(folder)), "?")
    modules = {name.partition(".")[0] for top in tops for name in _all_modules(folder, top)}
    homes = {name: str(folder) for name in modules if name in tops or not _is_installed(name, recipe)}
    files = {name: file.read_bytes() for name, file in _files(homes).items()}
    if sum(map(len, files.values())) > MAX_BYTES:
        raise ConfigError(
            f"the plug-ins beside the recipe ({', '.join(tops)}) are larger than {MAX_BYTES >> 20} MiB; install them"
        )
    hashed = fingerprint.digest(sorted((name, hashlib.sha256(data).hexdigest()) for name, data in files.items()))
    _planned[hashed] = files
    _admit(homes, hashed)
    return hashed


def misplaced(recipe: str, use: str) -> str:
    """What to do about a `use: filters.x` that is not ours, where the recipe has a `filters/x.py` beside it; else empty."""
    package, _, name = use.partition(".")
    file = f"{package}/{name.replace('.', '/')}.py"
    if not name or package in _finder.homes or not storage.exists(storage.join(recipe.rpartition("/")[0] or ".", file)):
        return ""
    if package not in fingerprint.OURS:
        return f"; an installed package is called '{package}': give the folder of your {file} another name"
    return f"; `{package}.` means Interloom's own: give the folder of your {file} another name and write `use: <folder>.{name}`"


def _taken() -> set[str]:
    return {"interloom", "__main__", *fingerprint.OURS, *_STANDARD}


def _is_installed(name: str, recipe: str) -> bool:
    """Whether Python finds the package or module by itself. It also finds what lies beside the recipe if the command was started
    there with `python -m`, but workers elsewhere do not."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return False
    places = [Path(place) for place in (spec.origin, *(spec.submodule_search_locations or ())) if place]
    beside = Path(recipe).absolute().parent
    return not any(place in (beside / f"{name}.py", beside / name, beside / name / "__init__.py") for place in places)


def _is_there(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name).is_dir()


def _all_modules(folder: Path, top: str) -> Iterable[str]:
    """The dotted names of what the package or module and everything it imports consists of."""
    inner = [top, *(".".join(file.relative_to(folder).with_suffix("").parts) for file in sorted((folder / top).rglob("*.py")))]
    return {name for module in inner for name in fingerprint.code_files(module.removesuffix(".__init__"))}


def files_of(hashed: str) -> Mapping[str, bytes]:
    """The files of the code with this hash, which this process has planned with, by their paths beside the recipe."""
    return _planned[hashed] if hashed else {}


def store(run: str, hashed: str) -> None:
    """Writes the code with this hash, which this process has planned with, into the run's folder."""
    for name, data in files_of(hashed).items():
        storage.write_once(storage.join(run, _FOLDER, hashed, name), data)


def load(run: str, hashed: str) -> None:
    """On a worker: makes the code with this hash importable, as `store` wrote it; another run's code is forgotten."""
    if hashed == _loaded:
        return
    if not hashed:
        return _admit({}, "")
    root = storage.join(run, _FOLDER, hashed)
    folder = _copied(root, storage.glob(root))
    _admit({path.name.removesuffix(".py"): str(folder) for path in folder.iterdir()}, hashed)


def admitted() -> dict[str, str]:
    """Top-level names and the folders they are loaded from, for a child process."""
    return dict(_finder.homes)


def admit(homes: Mapping[str, str]) -> None:
    """In a child process: what its parent has admitted."""
    _admit(homes, "?")


def _admit(homes: Mapping[str, str], hashed: str) -> None:
    """The one change of state here. Modules of other code under the same names are forgotten, and all that was built of them."""
    from interloom.pipeline.planning import plugins

    global _loaded
    if _finder not in sys.meta_path and homes:
        sys.meta_path.append(_finder)
    if hashed and hashed == _loaded:
        return
    for name in [name for name in sys.modules if name.partition(".")[0] in _finder.homes]:
        del sys.modules[name]
    if homes or _finder.homes:
        plugins.forget()
    _finder.homes, _loaded = dict(homes), hashed
    importlib.invalidate_caches()


def _files(homes: Mapping[str, str]) -> dict[str, Path]:
    """All files of these packages and modules, by their path below the folder; compiled and hidden ones left out."""
    files = {}
    for name, home in homes.items():
        below = sorted(path for path in (Path(home) / name).rglob("*") if path.is_file())
        for path in [*below, Path(home) / f"{name}.py"]:
            relative = path.relative_to(home)
            if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in relative.parts):
                files[relative.as_posix()] = path
    return files


def _local(folder: str, names: Iterable[str]) -> Path:
    """The recipe's folder; of one in object storage a copy of its modules and of the packages of these names."""
    if not storage.is_remote(folder):
        return Path(folder or ".").absolute()
    packages = [file for name in names for file in storage.glob(f"{folder}/{name}/")]
    return _copied(folder, [*storage.glob(f"{folder}/*.py"), *packages])


def _copied(root: str, files: Iterable[storage.Found]) -> Path:
    """A temporary folder, removed when the process ends, with these files of `root` at their places."""
    folder = folder_until_exit("code")
    for file in files:
        target = folder / file.path.removeprefix(root + "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(storage.read(file.path))
    return folder
