"""The rules that a reader of this package relies on, as far as a machine can check them."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "twinlm"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 60
MOST_BRANCHES_A_FUNCTION = 1.2
# What a reader of the papers reads has fewer still; reading foreign files and settings takes more.
FEW_BRANCHES = {"core", "models", "objectives", "tasks", "train", "evaluate", "batch.py", "rng.py"}
FEWER_BRANCHES_A_FUNCTION = 0.6

# Where the two kinds may be told apart: the table, their presets, and what belongs to one of them.
KNOWS_THE_KINDS = (
    "families.py",
    "settings/presets.py",
    "settings/idle.py",
    "models/",
    "hf/",
    "runtimes/",
    "objectives/",
)
# Nothing of these can be imported: each can run code that lies in a file, or unpacks foreign archives.
FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "yaml",
    "tarfile",
}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "torch.save", "np.save", "np.savez"}
# Calls that change the disk, whatever object they are called on.
WRITING_METHODS = {
    *("write_text", "write_bytes", "touch", "mkdir", "makedirs", "rmdir", "unlink", "removedirs"),
    *("rename", "renames", "symlink_to", "hardlink_to", "chmod", "rmtree", "copyfile", "copytree", "copy2"),
    *("fsync", "truncate", "ftruncate", "pwrite", "tofile", "to_file", "save_file", "save_pretrained"),
    *("open_memmap", "NamedTemporaryFile", "TemporaryDirectory", "mkstemp", "mkdtemp", "TemporaryFile"),
}
# `replace` and `remove` are also methods of str, dataclasses and list: only these owners are the disk's.
WRITING_CALLS = {"os.replace", "os.remove", "os.write", "os.link", "os.symlink", "shutil.move", "shutil.copy"}
# Neither is a file: a switch of the kernel that starts the measuring of peak memory anew, and /dev/null in
# the place of an output that nobody reads any more.
MAY_WRITE = {
    ("system/hardware.py", '_CLEAR.write_text("5")'),
    ("cli/main.py", "os.open(os.devnull, os.O_WRONLY)"),
}


@cache
def trees() -> dict[Path, ast.Module]:
    """Return each file of the package as a tree, by its path in the package."""
    files = sorted(ROOT.rglob("*.py"))
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def lines(path: Path) -> list[str]:
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


def test_a_file_is_short() -> None:
    counts = {str(path): len(lines(path)) for path in trees()}
    assert not {path: count for path, count in counts.items() if count > MOST_LINES_OF_A_FILE}


def test_a_function_is_short() -> None:
    """The docstring does not count: nobody should write a shorter one for this."""
    lengths = {}
    for path, tree in trees().items():
        for node in functions(tree):
            text = node.body[0] if is_text(node.body[0]) else None
            explained = text.end_lineno - text.lineno + 1 if text else 0
            lengths[f"{path}:{node.name}"] = node.end_lineno - node.lineno + 1 - explained
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FUNCTION}


def test_only_the_table_tells_the_two_kinds_apart() -> None:
    found = []
    for path, tree in trees().items():
        if str(path).startswith(KNOWS_THE_KINDS):
            continue
        constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        found += [
            f"{path}:{node.lineno}" for node in constants if node.value in ("gpt", "bert", "GPT", "BERT")
        ]
        found += [f"{path} imports {name}" for name in imported(tree) if name.startswith("twinlm.models")]
    assert not found


@pytest.mark.parametrize(
    ("parts", "most"),
    [(FEW_BRANCHES, FEWER_BRANCHES_A_FUNCTION), (None, MOST_BRANCHES_A_FUNCTION)],
    ids=["the models and their training", "everything"],
)
def test_there_are_few_branches(parts: set[str] | None, most: float) -> None:
    kinds = (ast.If, ast.IfExp, ast.Match)
    chosen = [tree for path, tree in trees().items() if parts is None or path.parts[0] in parts]
    branches = sum(isinstance(node, kinds) for tree in chosen for node in ast.walk(tree))
    count = sum(1 for tree in chosen for _ in functions(tree))
    assert branches / count <= most, f"{branches} branches in {count} functions"


def test_nothing_is_printed_outside_the_command_line() -> None:
    printing = ("print", "sys.stdout.write", "sys.stderr.write")
    shown = Path("system/progress.py")  # prints to the stream it is given
    assert not [
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        for node in calls(tree)
        if path.parts[0] != "cli" and path != shown and ast.unparse(node.func) in printing
    ]


def test_no_code_is_read_from_files() -> None:
    found = []
    for path, tree in trees().items():
        found += [f"{path} imports {n}" for n in imported(tree) if n.split(".")[0] in FORBIDDEN_MODULES]
        found += [f"{path}:{n.lineno}" for n in calls(tree) if ast.unparse(n.func) in FORBIDDEN_CALLS]
        keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword)]
        found += [f"{path}:{n.lineno}" for n in keywords if n.arg in ("allow_pickle", "trust_remote_code")]
    assert not found


def test_only_the_operations_of_the_disk_write_to_it() -> None:
    """Each stands in `system/disk.py`, so that a test can put a fault in its place."""
    found = {
        (str(path), ast.unparse(node).replace("'", '"')): node.lineno
        for path, tree in trees().items()
        for node in calls(tree)
        if path != Path("system/disk.py") and is_writing(node) and not is_operation(path, node)
    }
    assert not {where: line for where, line in found.items() if where not in MAY_WRITE}


def test_only_storage_takes_the_operations_of_the_disk() -> None:
    takers = {
        str(path)
        for path, tree in trees().items()
        if any("twinlm.system.disk" in name for name in imported(tree))
    }
    assert takers == {"system/storage.py"}


def is_operation(path: Path, call: ast.Call) -> bool:
    """Tell whether a call goes through the one place where tests put faults."""
    return path == Path("system/storage.py") and ast.unparse(call.func).startswith("disk.")


def is_writing(call: ast.Call) -> bool:
    """Tell whether a call changes the disk: opening to write, or one of the known ways around that."""
    name = ast.unparse(call.func)
    method = name.rsplit(".", 1)[-1]
    if method in WRITING_METHODS or name in WRITING_CALLS:
        return True
    words = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in ("mode", "flags"))]
    if name == "os.open":
        return any(flag in ast.unparse(word) for word in words for flag in ("O_WRONLY", "O_RDWR", "O_CREAT"))
    if method not in ("open", "fdopen", "memmap"):
        return False
    constants = (word.value for word in words if isinstance(word, ast.Constant))
    return any(
        isinstance(mode, str) and re.fullmatch("[rwaxbt+]*[wax+][rwaxbt+]*", mode) for mode in constants
    )


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ('path.open("w")', True),
        ('open(path, mode="ab")', True),
        ('open(path, "r+b")', True),
        ('path.open("xb")', True),
        ('np.memmap(path, dtype, mode="w+")', True),
        ("os.open(path, os.O_RDWR | os.O_CREAT)", True),
        ("path.write_bytes(data)", True),
        ("os.replace(a, b)", True),
        ("shutil.rmtree(path)", True),
        ('path.open("rb")', False),
        ("path.open()", False),
        ('np.memmap(path, dtype, mode="r")', False),
        ("os.open(path, os.O_RDONLY)", False),
        ('text.replace("a", "b")', False),
    ],
)
def test_the_lint_for_writing_knows_writing_from_reading(code: str, wanted: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert is_writing(call) == wanted


def test_every_public_name_has_a_docstring() -> None:
    missing = []
    for path, tree in trees().items():
        missing += [] if ast.get_docstring(tree) else [str(path)]
        for node in tree.body:
            if not isinstance(node, (*FUNCTIONS, ast.ClassDef)) or node.name.startswith("_"):
                continue
            members = node.body if isinstance(node, ast.ClassDef) else []
            public = [m for m in members if isinstance(m, FUNCTIONS) and not m.name.startswith("_")]
            missing += [f"{path}:{m.lineno} {m.name}" for m in [node, *public] if not ast.get_docstring(m)]
    assert not missing


def test_every_field_of_a_dataclass_or_record_is_explained() -> None:
    """In a docstring below it, which docs and help may show, or in a comment at its end."""
    missing = []
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            if not is_record(node) and not any("dataclass(" in ast.unparse(d) for d in node.decorator_list):
                continue
            for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                is_field = isinstance(field, ast.AnnAssign) and "ClassVar" not in ast.unparse(field)
                if is_field and not is_text(after) and "  # " not in lines(path)[field.end_lineno - 1]:
                    missing.append(f"{path}:{field.lineno} {ast.unparse(field.target)}")
    assert not missing


def test_numbers_of_a_record_are_bounded() -> None:
    """A bare float or int takes 1e308 from a file, whose square is infinite."""
    assert not [
        f"{path}:{field.lineno}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and is_record(node)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and "ClassVar" not in ast.unparse(field)
        if re.search(r"\b(int|float)\b", ast.unparse(field.annotation))
    ]


def is_record(node: ast.ClassDef) -> bool:
    """Tell whether a class is stored as JSON, itself or by what it inherits from."""
    classes = {
        each.name: each for tree in trees().values() for each in tree.body if isinstance(each, ast.ClassDef)
    }
    bases = [ast.unparse(base) for base in node.bases]
    return "Record" in bases or any(is_record(classes[base]) for base in bases if base in classes)


def is_text(node: ast.stmt | None) -> bool:
    """Tell whether a statement is a docstring."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def test_no_code_runs_at_import() -> None:
    """A module defines and assigns; the only conditions are about types and about being run as a script."""
    allowed = (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    conditions = ("TYPE_CHECKING", "__name__ == '__main__'")
    assert not [
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        for node in tree.body
        if not isinstance(node, allowed)
        and not is_text(node)
        and not (isinstance(node, ast.If) and ast.unparse(node.test) in conditions)
    ]


def test_a_silenced_complaint_says_which_one() -> None:
    bare = re.compile(r"#\s*(type:\s*ignore(?!\[)|noqa(?!:\s*[A-Z])|mypy:\s*ignore-errors|ruff:\s*noqa(?!:))")
    assert not [
        f"{path}:{number}"
        for path in trees()
        for number, line in enumerate(lines(path), 1)
        if bare.search(line)
    ]


def test_randomness_comes_from_a_named_stream() -> None:
    """No draw from a global generator: it would depend on what was drawn before."""
    draws = re.compile(
        r"(random|np\.random|numpy\.random)\.(?!Generator)\w+|torch\.(rand|randn|randint|randperm)"
    )
    assert not [
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        for node in calls(tree)
        if path != Path("rng.py") and draws.fullmatch(ast.unparse(node.func))
    ]


def test_every_file_of_the_package_is_looked_at() -> None:
    assert len(trees()) > 50
