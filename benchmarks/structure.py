"""Print the structure of the package: rooms, circles, files a folder, lines, branches, comments.

    python benchmarks/structure.py [src/twinlm]

A room is a folder or a file directly below the package. Imports under TYPE_CHECKING count: they are design,
even where they are not run. Tests hold the limits (tests/architecture); docs/log.md has past figures.
"""

import ast
import io
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "twinlm"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
READING_PATH = (
    "models/",
    "objectives/",
    "core/",
    "data/sequences/",
    "train/loop.py",
    "families.py",
    "batch.py",
)
READING_PATH += (
    "train/optimizer.py",
    "tasks/heads.py",
    "tasks/span_qa.py",
    "tasks/choice.py",
)
READING_PATH += ("comparison/run.py", "comparison/plan/", "comparison/assemble.py", "report/verdict.py")
READING_PATH += tuple(
    f"evidence/{name}.py" for name in ("intervals", "outcomes", "permutation", "variance", "power")
)
Graph = Mapping[str, set[str]]


def modules(package: Path) -> dict[str, Path]:
    """Return every module of a package by its dotted name."""
    named = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def imports(package: Path) -> dict[str, set[str]]:
    """Return the modules of the package that each module imports, wherever it does so."""
    named = modules(package)
    graph: dict[str, set[str]] = {}
    for name, path in named.items():
        targets = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = [f"{node.module}.{alias.name}" for alias in node.names]
                targets |= {each if each in named else node.module for each in full}
        graph[name] = {target for target in targets if target in named and target != name}
    return graph


def rooms(graph: Graph) -> dict[str, set[str]]:
    """Return the rooms that each room imports."""
    between: dict[str, set[str]] = defaultdict(set)
    for name, targets in graph.items():
        between[room(name)] |= {room(target) for target in targets} - {room(name)}
    return between


def room(name: str) -> str:
    """Return the room of a module: the first name below the package."""
    return ".".join(name.split(".")[:2])


def circles(graph: Graph) -> list[list[str]]:
    """Return the groups of modules that reach each other (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for target in graph.get(name, ()):
            if target not in order:
                visit(target)
            if target in stack:
                lowest[name] = min(lowest[name], lowest[target])
        if lowest[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            groups.append(sorted(group))

    for name in graph:
        if name not in order:
            visit(name)
    return [group for group in groups if len(group) > 1]


def line_count(paths: Iterable[Path]) -> int:
    """Return how many lines files have together."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def comments(path: Path) -> Iterator[str]:
    """Yield the comments of a file, but for those that a linter reads."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith(("# noqa", "# type:")):
            yield token.string


def figures(package: Path) -> dict[str, str | int | float]:
    """Return the figures of a package by name."""
    paths, graph = list(modules(package).values()), imports(package)
    total = line_count(paths)
    sizes = Counter({name: line_count(modules_of(package, name)) for name in {room(name) for name in graph}})
    largest, size = sizes.most_common(1)[0]
    folders = Counter(path.parent.relative_to(package).as_posix() for path in paths)
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    functions = sum(isinstance(node, FUNCTIONS) for node in nodes)
    path_to_read = [path for path in paths if path.relative_to(package).as_posix().startswith(READING_PATH)]
    return {
        "rooms": len(sizes),
        "largest room": f"{largest.partition('.')[2]}, {size / total:.1%} of the lines",
        "circles of rooms": len(circles(rooms(graph))),
        "circles of files": len(circles(graph)),
        "files in circles": sum(map(len, circles(graph))),
        "files": len(paths),
        "most files in a folder": f"{folders.most_common(1)[0][0]}, {folders.most_common(1)[0][1]}",
        "lines": total,
        "longest file": max(line_count([path]) for path in paths),
        "lines of the reading path": line_count(path_to_read),
        "longest file of the reading path": max(line_count([path]) for path in path_to_read),
        "functions": functions,
        "if statements a function": round(sum(isinstance(node, ast.If) for node in nodes) / functions, 2),
        "conditions a function": round(
            sum(isinstance(node, (ast.If, ast.IfExp, ast.Match)) for node in nodes) / functions, 2
        ),
        "comments per 100 lines": round(100 * sum(1 for path in paths for _ in comments(path)) / total, 2),
    }


def modules_of(package: Path, name: str) -> list[Path]:
    """Return the files of a room."""
    return [path for module, path in modules(package).items() if room(module) == name]


def main() -> None:
    """Print the figures."""
    package = Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE
    for name, value in figures(package).items():
        print(f"{name:34} {value:,}" if isinstance(value, int) else f"{name:34} {value}")


if __name__ == "__main__":
    main()
