"""What a step's results depend on, as short hashes: its code, its parameters, and the files that its parameters name.

Code means the closure of imports of the plug-in's file: modules of `stages` and `filters`, of the plug-in's own package, and
modules beside a plug-in that is not installed. It ends at our own `pipeline` and `schemas`, which count by
`ENGINE_VERSION`, and at installed packages, which do not count.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ENGINE_VERSION = 5
"""Raised when `pipeline` or `schemas` change so that the same plug-ins give other results, or read other files between phases."""
ROOT = "interloom"
OURS = ("stages", "filters")


def digest(*parts: object) -> str:
    """A short stable hash of plain values."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


@lru_cache(maxsize=512)
def digest_of_code(module: str) -> str:
    """A hash of everything in the module's closure: the source of each module, and each data file in a package of it."""
    files = code_files(module)
    return digest(sorted((name, hashlib.sha256(file.read_bytes()).hexdigest()) for name, file in files.items()))


def code_files(module: str) -> dict[str, Path]:
    """The files of the module's closure by dotted name; data files by their package's name, a slash and their own path."""
    modules = _closure(module)
    data = {
        f"{name}/{file.relative_to(init.parent).as_posix()}": file
        for name, init in modules.items()
        if init.name == "__init__.py"
        for file in _data_files(init.parent)
    }
    return {**modules, **data}


def _closure(module: str) -> dict[str, Path]:
    homes = _Homes(module)
    waiting, modules = [module], dict[str, Path]()
    while waiting:
        name = waiting.pop()
        file = homes.file(name) if name and name not in modules else None
        if file is None:
            continue
        modules[name] = file
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        waiting += [name.rpartition(".")[0], *_imported(file, package)]
    return modules


class _Homes:
    """Finds the files of modules that count as code of the plug-in `module`."""

    def __init__(self, module: str) -> None:
        self._top = module.partition(".")[0]
        self._own, self._ours = _root_of(self._top), _root_of(ROOT)
        installed = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib", "platstdlib")}
        self._takes_beside = self._own is not None and self._own not in installed

    def file(self, name: str) -> Path | None:
        """The module's file; None for one that does not count or is not there."""
        top, _, below = name.partition(".")
        if top == ROOT:
            root = self._ours if below.partition(".")[0] in OURS else None
        else:
            root = self._own if top == self._top or self._takes_beside else None
        if root is None:
            return None
        path = root.joinpath(*name.split("."))
        return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def _root_of(top: str) -> Path | None:
    """The folder in which the top-level package or module lies."""
    spec = importlib.util.find_spec(top)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).parent
    return Path(spec.origin).parent if spec.origin else None


def _imported(file: Path, package: str) -> Iterator[str]:
    """The modules that the file's `import` statements may name, wherever they stand, except under TYPE_CHECKING.

    `from a import b` gives both `a` and `a.b`, because only the file system knows whether `b` is a module.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # it fails when it is imported, if it ever is
        return
    for node in _nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes, less the bodies of `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING":
            yield from (below for other in node.orelse for below in (other, *_nodes(other)))
            continue
        yield node
        yield from _nodes(node)


def _data_files(folder: Path) -> Iterator[Path]:
    """The files of a package that are not Python, those of its plain subfolders too, in order."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__pycache__")) or path.suffix in (".py", ".pyc", ".pyi"):
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and not (path / "__init__.py").is_file():
            yield from _data_files(path)
