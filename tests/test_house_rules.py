"""The rules of the house: imports point one way, files and functions are small, names are ours and mean something."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from interloom.jobs import _list
from interloom.pipeline.planning import fingerprint, plugins

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "pipeline", "stages", "filters", "jobs")
MAY_IMPORT = {
    "schemas": {"schemas"},
    "pipeline": {"schemas", "pipeline"},
    "stages": {"schemas", "pipeline", "stages"},
    "filters": {"schemas", "pipeline", "filters"},
    "jobs": set(PACKAGES),
    "loader": {"schemas", "pipeline", "loader"},
    "explorer": {"schemas", "pipeline", "explorer"},
}
STORAGE_ALONE = ("loader", "explorer")
OURS = set(MAY_IMPORT)
HEAVY = {"torch", "ray", "cv2", "numba", "trafilatura", "open_clip", "scipy", "boto3", "botocore"}
HEAVY |= {"torchvision", "whisper", "onnxruntime", "rapidocr", "faiss", "av", "datasketch", "webdataset", "moto"}
PRINTS = {"print", "builtins.print", "sys.stdout.write", "sys.stderr.write"}
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "base"}
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS, DEEPEST = 250, 40, 6, 4

FILES = sorted(file for name in OURS for file in (ROOT / name).rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef
TREES = {file: ast.parse(file.read_text()) for file in FILES}


def offenders(wrong: Callable[[Path], object]) -> dict[str, object]:
    """The files in which something is wrong, with what it is."""
    return {str(file.relative_to(ROOT)): found for file in FILES if (found := wrong(file))}


def imports(nodes: Sequence[ast.AST]) -> set[str]:
    """The modules that these nodes import, dotted."""
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")]
    return plain | named | {ast.unparse(call.args[0]).strip("'\"") for call in calls}


def functions(file: Path) -> list[Function]:
    return [node for node in ast.walk(TREES[file]) if isinstance(node, Function)]


def test_imports_point_one_way() -> None:
    def wrong(file: Path) -> set[str]:
        package = file.relative_to(ROOT).parts[0]
        ours = {name.removeprefix("interloom.") for name in imports(list(ast.walk(TREES[file]))) if name.startswith("interloom.")}
        astray = {name for name in ours if name.partition(".")[0] not in MAY_IMPORT[package]}
        machine = {name for name in ours if name.startswith("pipeline.") and package in STORAGE_ALONE}
        return astray | {name for name in machine if not name.startswith(("pipeline.store.storage", "pipeline.errors"))}

    assert offenders(wrong) == {}


def test_heavy_packages_are_imported_where_they_are_used() -> None:
    assert offenders(lambda file: {name for name in imports([*_at_once(TREES[file])]) if name.partition(".")[0] in HEAVY}) == {}


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is imported: all but the insides of functions and what is for types alone."""
    if isinstance(node, Function) or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _at_once(child)


def test_nothing_is_imported_relatively() -> None:
    def wrong(file: Path) -> list[int]:
        return [node.lineno for node in ast.walk(TREES[file]) if isinstance(node, ast.ImportFrom) and node.level]

    assert offenders(wrong) == {}


def test_files_are_small() -> None:
    assert offenders(lambda file: [n for n in [len(file.read_text().splitlines())] if n > MOST_LINES]) == {}


def test_functions_are_small() -> None:
    assert (
        offenders(lambda file: [f.name for f in functions(file) if (f.end_lineno or 0) - f.lineno >= MOST_FUNCTION_LINES]) == {}
    )


def test_functions_take_few_parameters() -> None:
    def wrong(file: Path) -> list[str]:
        cli = file.is_relative_to(ROOT / "jobs")
        return [f.name for f in functions(file) if _parameters(f) > MOST_PARAMETERS and not (cli and f.decorator_list)]

    assert offenders(wrong) == {}


def _parameters(function: Function) -> int:
    arguments = function.args
    return len([a for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if a.arg not in ("self", "cls")])


def test_code_is_not_nested_deep() -> None:
    assert offenders(lambda file: [f.name for f in functions(file) if _depth(f) > DEEPEST]) == {}


def _depth(node: ast.AST) -> int:
    blocks = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)
    chained = node.orelse if isinstance(node, ast.If) and [type(one) for one in node.orelse] == [ast.If] else []
    below = [_depth(child) for child in ast.iter_child_nodes(node) if not isinstance(child, Function) and child not in chained]
    return max([max(below, default=0) + isinstance(node, blocks), *map(_depth, chained)])


def test_only_guarded_catches_everything() -> None:
    def broad(file: Path) -> list[int]:
        nodes = list(ast.walk(TREES[file]))
        caught = [node.lineno for node in nodes if isinstance(node, ast.ExceptHandler) and _is_broad(node.type)]
        calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress")]
        return caught + [call.lineno for call in calls if any(map(_is_broad, call.args))]

    assert {file: len(lines) for file, lines in offenders(broad).items()} == {"pipeline/errors.py": 1}  # type: ignore[arg-type]


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(one) for one in caught.elts)
    return caught is None or ast.unparse(caught).rpartition(".")[2] in ("Exception", "BaseException")


def test_only_the_command_prints() -> None:
    def wrong(file: Path) -> list[int]:
        if file.is_relative_to(ROOT / "jobs"):
            return []
        expressions = (node for node in ast.walk(TREES[file]) if isinstance(node, ast.Name | ast.Attribute))
        return [node.lineno for node in expressions if ast.unparse(node) in PRINTS]

    assert offenders(wrong) == {}


def test_names_say_what_a_file_holds() -> None:
    def wrong(file: Path) -> set[str]:
        parts = file.relative_to(ROOT).with_suffix("").parts
        return {word for part in parts for word in part.strip("_").split("_")} & NAMELESS

    assert offenders(wrong) == {}


def test_every_file_begins_with_what_it_is() -> None:
    """Or, when it holds one plug-in, the plug-in does."""

    def wrong(file: Path) -> bool:
        public = [
            node for node in TREES[file].body if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_")
        ]
        name = file.parent if file.name == "__init__.py" else file
        is_plugin = name.parent.name in fingerprint.OURS and not name.name.startswith("_")
        told = is_plugin and all(ast.get_docstring(node) for node in public)
        return not (ast.get_docstring(TREES[file]) or told)

    assert offenders(wrong) == {}


def test_no_rule_is_switched_off_in_the_code() -> None:
    off = re.compile(r"#.*\b(noqa|ruff:|mypy:|type: ignore(?!\[))", re.IGNORECASE)
    assert offenders(lambda file: off.findall(file.read_text())) == {}


def test_nothing_is_left_to_do() -> None:
    assert offenders(lambda file: re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b", file.read_text())) == {}


def test_we_take_one_top_level_name() -> None:
    """`schemas`, `jobs` and the like are names of users' folders, too."""
    ours = {name for name, owners in packages_distributions().items() if "interloom" in owners}
    assert ours == {"interloom"}


def test_the_import_root_links_to_every_folder() -> None:
    links = {path.name: path.resolve() for path in (ROOT / "src" / "interloom").iterdir() if path.is_symlink()}
    assert links == {name: ROOT / name for name in PACKAGES}


def test_nothing_imports_our_folders_by_their_bare_names() -> None:
    everything = [file for folder in (*PACKAGES, "benchmarks", "tests") for file in sorted((ROOT / folder).rglob("*.py"))]
    wrong = {}
    for file in everything:
        tree = ast.parse(file.read_text())
        bare = {name for name in imports(list(ast.walk(tree))) if name.partition(".")[0] in OURS}
        if bare:
            wrong[str(file.relative_to(ROOT))] = bare
    assert wrong == {}


def test_test_files_have_names_of_their_own() -> None:
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("use", list(plugins.available()))
def test_every_plug_in_has_its_test(use: str) -> None:
    package, name = use.split(".")
    file = ROOT / "tests" / package / f"test_{name}.py"
    assert file.is_file() and "def test_" in file.read_text()


@pytest.mark.parametrize("use", list(plugins.available()))
def test_every_plug_in_says_what_it_is_in_a_line(use: str) -> None:
    assert 10 < len(plugins.find(use).summary) <= 130


@pytest.mark.xfail(reason="some plug-ins have no `Parameters:` block yet", strict=False)
@pytest.mark.parametrize("use", list(plugins.available()))
def test_every_plug_in_documents_exactly_its_parameters(use: str) -> None:
    """In the `Parameters:` block of its docstring, which `interloom list` shows."""
    plugin = plugins.find(use)
    _, descriptions = _list.split_docstring(_list.docstring_of(plugin))
    assert sorted(descriptions) == sorted(plugin.model.model_fields)
    assert [name for name, text in descriptions.items() if not text] == []


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_files_that_the_pages_name_exist(page: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    roots = ("pipeline/", "stages/", "filters/", "schemas/", "jobs/", "tests/", "benchmarks/", "src/")
    named = {name for name in re.findall(r"[`(]([\w./-]+)[`)]", text) if name.startswith(roots)}
    assert {name for name in named if not (ROOT / name).exists()} == set()
