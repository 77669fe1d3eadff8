"""Rules for the whole source tree: direction of imports, size of files and functions, names, documentation."""

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
PACKAGES = ("schemas", "pipeline", "stages", "filters", "jobs", "loader")
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
"""Of `pipeline`, these packages may import only storage and errors."""
OURS = set(MAY_IMPORT)
HEAVY = {"torch", "ray", "cv2", "numba", "trafilatura", "open_clip", "scipy", "boto3", "botocore"}
HEAVY |= {"torchvision", "whisper", "onnxruntime", "rapidocr", "faiss", "av", "datasketch", "webdataset", "moto", "transformers"}
HEAVY |= {"sentence_transformers", "sklearn"}
PRINTS = {"print", "builtins.print", "sys.stdout.write", "sys.stderr.write"}
MEANINGLESS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "base"}
MOST_LINES = 250
MOST_FUNCTION_LINES = 40
MOST_PARAMETERS = 6
MOST_NESTED_BLOCKS = 4

FILES = sorted(file for name in OURS for file in (ROOT / name).rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef
TREES = {file: ast.parse(file.read_text()) for file in FILES}


def offenders(violations: Callable[[Path], object]) -> dict[str, object]:
    """The files that violate a rule, each with its violations."""
    return {str(file.relative_to(ROOT)): violated for file in FILES if (violated := violations(file))}


def imports(nodes: Sequence[ast.AST]) -> set[str]:
    """The dotted names of the modules that these nodes import."""
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")]
    return plain | named | {ast.unparse(call.args[0]).strip("'\"") for call in calls}


def functions(file: Path) -> list[Function]:
    return [node for node in ast.walk(TREES[file]) if isinstance(node, Function)]


def test_packages_import_only_packages_below_them() -> None:
    def violations(file: Path) -> set[str]:
        package = file.relative_to(ROOT).parts[0]
        ours = {name.removeprefix("interloom.") for name in imports(list(ast.walk(TREES[file]))) if name.startswith("interloom.")}
        not_allowed = {name for name in ours if name.partition(".")[0] not in MAY_IMPORT[package]}
        pipeline = {name for name in ours if name.startswith("pipeline.") and package in STORAGE_ALONE}
        return not_allowed | {name for name in pipeline if not name.startswith(("pipeline.store.storage", "pipeline.errors"))}

    assert offenders(violations) == {}


def test_heavy_packages_are_imported_where_they_are_used() -> None:
    assert (
        offenders(lambda file: {name for name in imports([*_run_on_import(TREES[file])]) if name.partition(".")[0] in HEAVY})
        == {}
    )


def _run_on_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: all but the bodies of functions and blocks for type checkers."""
    if isinstance(node, Function) or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _run_on_import(child)


def test_child_processes_are_started_in_one_way() -> None:
    """Because only `pipeline/child_process.py` ends them with their worker, limits them and judges their end."""
    starts = re.compile(
        r"^(subprocess|multiprocessing|concurrent.futures.ProcessPoolExecutor|os\.(fork|spawn|posix_spawn|system|popen))"
    )

    def violations(file: Path) -> list[str]:
        nodes = list(ast.walk(TREES[file]))
        named = imports(nodes) | {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
        return sorted(
            name for name in named if starts.match(name) and name.split(".")[-1] not in ("PIPE", "DEVNULL", "subprocess")
        )

    assert list(offenders(violations)) == ["pipeline/child_process.py"]


def test_temporary_files_are_made_in_one_way() -> None:
    """Because only `pipeline/temporary.py` gives them names by which they are removed after a kill. `atomic` writes files beside
    those that they replace, and those of `program` have no name."""

    def violations(file: Path) -> bool:
        nodes = list(ast.walk(TREES[file]))
        called = {f"tempfile.{ast.unparse(node.func)}" for node in nodes if isinstance(node, ast.Call)}
        return "tempfile" in imports(nodes) or not called.isdisjoint(imports(nodes))

    assert sorted(offenders(violations)) == [
        "pipeline/program.py",
        "pipeline/store/atomic.py",
        "pipeline/temporary.py",
    ]


def test_nothing_is_imported_relatively() -> None:
    def violations(file: Path) -> list[int]:
        return [node.lineno for node in ast.walk(TREES[file]) if isinstance(node, ast.ImportFrom) and node.level]

    assert offenders(violations) == {}


def test_files_are_small() -> None:
    assert offenders(lambda file: [n for n in [len(file.read_text().splitlines())] if n > MOST_LINES]) == {}


def test_functions_are_small() -> None:
    assert (
        offenders(lambda file: [f.name for f in functions(file) if (f.end_lineno or 0) - f.lineno >= MOST_FUNCTION_LINES]) == {}
    )


def test_functions_take_few_parameters() -> None:
    def violations(file: Path) -> list[str]:
        cli = file.is_relative_to(ROOT / "jobs")
        return [f.name for f in functions(file) if _parameters(f) > MOST_PARAMETERS and not (cli and f.decorator_list)]

    assert offenders(violations) == {}


def _parameters(function: Function) -> int:
    arguments = function.args
    return len([a for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if a.arg not in ("self", "cls")])


def test_code_is_not_nested_deeply() -> None:
    assert offenders(lambda file: [f.name for f in functions(file) if _depth(f) > MOST_NESTED_BLOCKS]) == {}


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
        return any(_is_broad(error) for error in caught.elts)
    return caught is None or ast.unparse(caught).rpartition(".")[2] in ("Exception", "BaseException")


def test_only_the_command_prints() -> None:
    def violations(file: Path) -> list[int]:
        if file.is_relative_to(ROOT / "jobs"):
            return []
        expressions = (node for node in ast.walk(TREES[file]) if isinstance(node, ast.Name | ast.Attribute))
        return [node.lineno for node in expressions if ast.unparse(node) in PRINTS]

    assert offenders(violations) == {}


def test_file_names_say_what_is_in_the_file() -> None:
    def violations(file: Path) -> set[str]:
        parts = file.relative_to(ROOT).with_suffix("").parts
        return {word for part in parts for word in part.strip("_").split("_")} & MEANINGLESS

    assert offenders(violations) == {}


def test_every_file_has_a_docstring() -> None:
    """With a docstring of the module, or, in a module with a plug-in, of its public class or function."""

    def violations(file: Path) -> bool:
        public = [
            node for node in TREES[file].body if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_")
        ]
        name = file.parent if file.name == "__init__.py" else file
        is_plugin = name.parent.name in fingerprint.OURS and not name.name.startswith("_")
        documented = is_plugin and all(ast.get_docstring(node) for node in public)
        return not (ast.get_docstring(TREES[file]) or documented)

    assert offenders(violations) == {}


def test_no_rule_is_switched_off_in_the_code() -> None:
    off = re.compile(r"#.*\b(noqa|ruff:|mypy:|type: ignore(?!\[))", re.IGNORECASE)
    assert offenders(lambda file: off.findall(file.read_text())) == {}


def test_no_comment_is_a_reminder() -> None:
    assert offenders(lambda file: re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b", file.read_text())) == {}


def test_the_package_has_one_top_level_name() -> None:
    """Because users have folders called `schemas` or `jobs`, too."""
    ours = {name for name, owners in packages_distributions().items() if "interloom" in owners}
    assert ours == {"interloom"}


def test_the_import_root_links_to_every_folder() -> None:
    links = {path.name: path.resolve() for path in (ROOT / "src" / "interloom").iterdir() if path.is_symlink()}
    assert links == {name: ROOT / name for name in PACKAGES}


def test_nothing_imports_our_folders_by_their_bare_names() -> None:
    everything = [file for folder in (*PACKAGES, "benchmarks", "tests") for file in sorted((ROOT / folder).rglob("*.py"))]
    bare_imports = {}
    for file in everything:
        tree = ast.parse(file.read_text())
        bare = {name for name in imports(list(ast.walk(tree))) if name.partition(".")[0] in OURS}
        if bare:
            bare_imports[str(file.relative_to(ROOT))] = bare
    assert bare_imports == {}


def test_the_names_of_test_files_are_unique() -> None:
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_every_test_that_needs_shared_data_names_a_twin_that_does_not() -> None:
    """A test of the same file that is never skipped, so that machines without that data test the same property."""
    violations = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        tests = {node.name: node for node in ast.parse(file.read_text()).body if isinstance(node, Function)}
        marks = {name: " ".join(map(ast.unparse, test.decorator_list)) for name, test in tests.items()}
        needing = {name for name, test in tests.items() if "shared_data" in [argument.arg for argument in test.args.args]}
        always_run = {name for name in tests if name.startswith("test_") and "skip" not in marks[name]} - needing
        twins = {name: re.search(r"mark\.shared_data\(.*twin='(\w+)'", marks[name]) for name in needing}
        without = sorted(name for name, twin in twins.items() if twin is None or twin[1] not in always_run)
        if without:
            violations[file.name] = without
    assert violations == {}


def test_only_the_fixture_knows_where_shared_data_lies() -> None:
    """So that no test needs it without a twin."""
    path = re.compile(r"/ ?[\"']?shared\b")
    assert [file.name for file in (ROOT / "tests").rglob("*.py") if path.search(file.read_text())] == ["conftest.py"]


@pytest.mark.parametrize("use", list(plugins.available()))
def test_every_plug_in_has_its_test(use: str) -> None:
    package, name = use.split(".")
    file = ROOT / "tests" / package / f"test_{name}.py"
    assert file.is_file() and "def test_" in file.read_text()


@pytest.mark.parametrize("use", list(plugins.available()))
def test_the_docstring_of_every_plug_in_begins_with_a_summary_in_one_line(use: str) -> None:
    assert 10 < len(plugins.find(use).summary) <= 130


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


def table_under(title: str) -> str:
    """The rows of the table in ARCHITECTURE.md under this title."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    section = page[page.index(f"### {title}") :].split("\n#", 1)[0]
    return "\n".join(line for line in section.splitlines() if line.startswith("| "))


PROMISES, DELETES = "What is promised under which failure", "What deletes or overwrites, and what it may touch"


@pytest.mark.parametrize("title", [PROMISES, DELETES])
def test_the_tables_of_promises_name_tests_that_exist(title: str) -> None:
    tests = {file.name: file.read_text() for file in (ROOT / "tests").rglob("test_*.py")}
    named = re.findall(r"\b(test_\w+\.py)(?:::(test_\w+))?", table_under(title))
    assert len(named) > 10
    assert [(file, test) for file, test in named if f"def {test or 'test_'}" not in tests.get(file, "")] == []


@pytest.mark.parametrize("title", [PROMISES, DELETES])
def test_every_promise_names_what_shows_it(title: str) -> None:
    """A test, a benchmark that is run by hand, or those of the row above."""
    shown = re.compile(r"\btest_\w+\.py|python -m benchmarks \w+|^same\b")
    rows = [row.strip("| ").split(" | ") for row in table_under(title).splitlines()[1:]]
    assert [cells[0] for cells in rows if not shown.search(cells[-1])] == []


def test_whatever_deletes_files_is_in_the_table_of_what_it_may_touch() -> None:
    """But `storage`, which does what it is asked to."""
    calls_of_modules = r"(storage|s3|os|atomic)\.(remove|replace|rename)|storage\.(discard|remove)_\w+"
    deletes = re.compile(calls_of_modules + r"|.*\.(unlink|rmtree|rmdir)")

    def violations(file: Path) -> list[str]:
        calls = [ast.unparse(node.func) for node in ast.walk(TREES[file]) if isinstance(node, ast.Call)]
        return [call for call in calls if deletes.fullmatch(call)]

    named = table_under(DELETES)
    places = {name: Path(name).stem for name in offenders(violations)}
    assert len(places) > 15
    assert [name for name, stem in places.items() if not re.search(rf"\b{stem}\b", named)] == ["pipeline/store/storage.py"]
