"""The bytes of all tensors that are made and not yet freed, over all threads that count."""

from threading import Lock
from weakref import WeakSet, finalize

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Tally:
    def __init__(self):
        self.live_bytes, self.peak_bytes, self.storages, self.lock = 0, 0, WeakSet(), Lock()

    def add(self, size_bytes):
        with self.lock:
            self.live_bytes += size_bytes
            self.peak_bytes = max(self.peak_bytes, self.live_bytes)

    def take(self, tensor):
        storage = tensor.untyped_storage()
        if storage not in self.storages:
            self.storages.add(storage)
            self.add(storage.nbytes())
            finalize(storage, self.add, -storage.nbytes())


class Counting(TorchDispatchMode):
    """Counts in its block and thread what operations return."""

    def __init__(self, tally):
        super().__init__()
        self.tally = tally

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self.tally.take(leaf)
        return result
