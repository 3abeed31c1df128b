"""Stand-ins for `twinlm.system.disk.operations`: one that has a fault, one that notes what is done.

A fault is one of FAULTS and comes at an operation with a number, counted from 0.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twinlm.system import disk

FREEING = ("remove_file", "remove_folder", "truncate")
"""Operations that a full disk does not stop."""
SYNCS = ("sync", "sync_folder")
OPENS = ("create", "open_log", "open_lock")


class Died(BaseException):
    """The process is dead: nothing after this reaches the disk."""


def _nothing(name: str) -> bool:
    return True


FAULTS: dict[str, Callable[[str], bool]] = {
    "die": _nothing,
    "torn write": lambda name: name == "write",
    "ENOSPC once": _nothing,
    "ENOSPC for ever": lambda name: name not in FREEING,
    "EIO": _nothing,
    "failed fsync": lambda name: name in SYNCS,
}
"""By name: at which operations it may come."""
DEADLY = ("die", "torn write")


class FaultyDisk:
    """Does what the real one does until the fault comes.

    Args:
        fault: which one; None for none.
        at: the number of the operation.
        die: what dying is.
    """

    def __init__(self, fault: str | None = None, at: int = -1, die: Callable[[], Any] | None = None) -> None:
        self.fault, self.at, self._die = fault, at, die
        self.real = disk.Operations()
        self.names: list[str] = []
        self.has_come = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real = getattr(self.real, name)

        def operate(*given: Any) -> Any:
            number, _ = len(self.names), self.names.append(name)
            if self.fault in DEADLY and self.has_come:
                raise Died
            if number == self.at:
                self.has_come = True
                return self._fail(name, real, given)
            if self.has_come and self.fault == "ENOSPC for ever" and name not in FREEING:
                return self._refuse(errno.ENOSPC, name, given)
            return real(*given)

        return operate

    def _fail(self, name: str, real: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        if self.fault == "torn write":
            self._write_half(given)
        if self.fault in DEADLY:
            (self._die or self._raise_died)()
        return self._refuse(errno.ENOSPC if "ENOSPC" in str(self.fault) else errno.EIO, name, given)

    def _refuse(self, code: int, name: str, given: tuple[Any, ...]) -> None:
        if name == "write":
            self._write_half(given)  # as a full disk does
        raise OSError(code, os.strerror(code))

    def _write_half(self, given: tuple[Any, ...]) -> None:
        self.real.write(given[0], given[1][: len(given[1]) // 2])

    @staticmethod
    def _raise_died() -> None:
        raise Died


@contextlib.contextmanager
def put_in(stand_in: Any) -> Iterator[Any]:
    """Let a stand-in be the disk in this block."""
    before = disk.operations
    disk.operations = stand_in
    try:
        yield stand_in
    finally:
        disk.operations = before


def count(act: Callable[[], Any]) -> list[str]:
    """Return the names of the operations that something takes."""
    with put_in(FaultyDisk()) as noting:
        act()
    return list(noting.names)


class Node:
    """A file or folder, whatever its name: what is on the disk for good, and what is only under way."""

    def __init__(self, contents: bytes | dict[str, "Node"]) -> None:
        self.is_folder = isinstance(contents, dict)
        self.kept: Any = contents
        """Durable: bytes, or nodes by name."""
        self.pending: list[Any] = []
        """Of a folder: changes of its names, oldest first. Of a file: all its contents, after each change."""

    @property
    def now(self) -> Any:
        """What a reader sees."""
        if not self.is_folder:
            return self.pending[-1] if self.pending else self.kept
        return self.after(len(self.pending))

    def after(self, changes: int) -> dict[str, "Node"]:
        """Return a folder's names once so many of the changes under way are durable."""
        names = dict(self.kept)
        for gone, come in self.pending[:changes]:
            if gone is not None:
                names.pop(gone, None)
            if come is not None:
                names[come[0]] = come[1]
        return names

    def sync(self) -> None:
        """Make all of it durable."""
        self.kept, self.pending = self.now, []


class RecordingDisk:
    """Does what the real one does, and keeps beside it what a power cut would leave.

    A cut may come after any operation. Of each folder it keeps the changes of names in their order, up to any
    one of them; of a file that was not synced it keeps what was synced before, half of what was written, or
    all. A rename is one change.

    Args:
        root: the folder that is looked at.
        look: called after each operation.
    """

    def __init__(self, root: Path, look: Callable[["RecordingDisk"], Any]) -> None:
        self.real, self.root, self.look = disk.Operations(), root, look
        self.tree = _node_of(root)
        self.files: dict[int, Node] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real = getattr(self.real, name)

        def operate(*given: Any) -> Any:
            before = self._before(name, given)
            done = real(*given)
            getattr(self, f"_after_{name}")(*given, before, done)
            self.look(self)
            return done

        return operate

    def _before(self, name: str, given: tuple[Any, ...]) -> Any:
        return self._find(given[0]) if name in ("rename", *OPENS) else None

    def _find(self, path: Path) -> Node | None:
        node: Node | None = self.tree
        for part in path.relative_to(self.root).parts:
            node = None if node is None else node.now.get(part)
        return node

    def _folder(self, path: Path) -> Node:
        node = self._find(path)
        assert node is not None
        return node

    def _change(self, path: Path, gone: str | None, come: tuple[str, Node] | None) -> None:
        self._folder(path.parent).pending.append((gone, come))

    def _after_make_folder(self, path: Path, *_: Any) -> None:
        self._change(path, None, (path.name, Node({})))

    def _after_create(self, path: Path, before: Node | None, file: int) -> None:
        self._after_open_log(path, before, file)
        if before is not None:
            before.pending.append(b"")

    def _after_open_log(self, path: Path, before: Node | None, file: int) -> None:
        node = before or Node(b"")
        if before is None:
            self._change(path, None, (path.name, node))
        self.files[file] = node

    _after_open_lock = _after_open_log

    def _after_write(self, file: int, data: bytes, *_: Any) -> None:
        node = self.files[file]
        node.pending += [node.now + data[: len(data) // 2], node.now + data]

    def _after_truncate(self, file: int, size: int, *_: Any) -> None:
        self.files[file].pending.append(self.files[file].now[:size])

    def _after_sync(self, file: int, *_: Any) -> None:
        self.files[file].sync()

    def _after_sync_folder(self, path: Path, *_: Any) -> None:
        if path.is_relative_to(self.root):
            self._folder(path).sync()

    def _after_rename(self, path: Path, target: Path, before: Node, *_: Any) -> None:
        assert path.parent == target.parent, "a rename between folders is two changes: the model has no such"
        self._change(path, path.name, (target.name, before))

    def _after_remove_file(self, path: Path, *_: Any) -> None:
        self._change(path, path.name, None)

    _after_remove_folder = _after_remove_file

    def states(self) -> Iterator[dict[str, bytes | None]]:
        """Return what a power cut may leave now: paths with their contents, None for a folder.

        All combinations of extremes, then each node alone at each of its points.
        """
        nodes = [node for node in _all_nodes(self.tree) if node.pending]
        points = [[*range(len(node.pending) + 1)] for node in nodes]
        chosen = [tuple(row[0] for row in points), tuple(row[-1] for row in points)]
        for base in list(chosen):
            for place, row in enumerate(points):
                chosen += [(*base[:place], point, *base[place + 1 :]) for point in row]
        for choice in dict.fromkeys(chosen):
            yield _files_of(self.tree, dict(zip(map(id, nodes), choice, strict=True)))


def _node_of(path: Path) -> Node:
    if path.is_dir():
        return Node({inner.name: _node_of(inner) for inner in sorted(path.iterdir())})
    return Node(path.read_bytes())


def _all_nodes(tree: Node) -> list[Node]:
    """Return all nodes that some power cut may show, each once."""
    found: dict[int, Node] = {}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if id(node) in found:
            continue
        found[id(node)] = node
        if node.is_folder:
            waiting += [*node.kept.values(), *(come[1] for _, come in node.pending if come is not None)]
    return list(found.values())


def _files_of(node: Node, choice: dict[int, int], path: str = "") -> dict[str, bytes | None]:
    point = choice.get(id(node), 0)
    if not node.is_folder:
        return {path: node.pending[point - 1] if point else node.kept}
    found: dict[str, bytes | None] = {path: None} if path else {}
    for name, inner in node.after(point).items():
        found |= _files_of(inner, choice, f"{path}/{name}" if path else name)
    return found


def write_state(folder: Path, state: dict[str, bytes | None]) -> None:
    """Make a folder that holds a state."""
    folder.mkdir()
    for name, contents in state.items():
        if contents is None:
            (folder / name).mkdir(exist_ok=True)
        else:
            (folder / name).write_bytes(contents)
