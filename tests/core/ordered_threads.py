"""Gradients added in a fixed order by threads that take the place of GPUs: GPUS MICRO_BATCHES WEIGHTS.

Prints the bytes that each sent, the numbers that each added, and by how much the exchange made memory grow.
"""

import json
import sys
import threading
from types import SimpleNamespace

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from twinlm.system import hardware
from twinlm.train import replicated

gpus, micro_batches, weights = map(int, sys.argv[1:])
torch.set_num_threads(1)
barrier, place, mail = threading.Barrier(gpus), threading.local(), {}
sent, added = [0] * gpus, [0] * gpus


def post(given):
    barrier.wait()
    mail[place.number] = given
    barrier.wait()
    return [mail[number] for number in range(gpus)]


def all_to_all_single(found, given, counts, own_counts):
    parts = given.split(own_counts)
    sent[place.number] += sum(part.nbytes for to, part in enumerate(parts) if to != place.number)
    for part, letter in zip(found.split(counts), post(parts), strict=True):
        part.copy_(letter[place.number])


def all_gather(found, given):
    sent[place.number] += (gpus - 1) * given.nbytes  # round a ring, as above
    for part, letter in zip(found, post(given), strict=True):
        part.copy_(letter)


def all_reduce(flags, how):
    flags.copy_(torch.stack(post(flags.clone())).amax(0))


class Additions(TorchDispatchMode):
    def __torch_dispatch__(self, what, types, args=(), kwargs=None):
        if what is torch.ops.aten.add_.Tensor:
            added[place.number] += args[0].numel()
        return what(*args, **(kwargs or {}))


def work(number):
    place.number = number
    module = torch.nn.ParameterList([torch.ones(weights)])
    ordered = replicated.Ordered(module, print, SimpleNamespace(count=gpus, number=number))
    ordered.begin(gpus * micro_batches)
    with Additions():
        for micro_batch in replicated.share_of(number, gpus, gpus * micro_batches):
            with ordered.adding(micro_batch):
                module[0].grad = torch.full((weights,), float(micro_batch))
        barrier.wait()
        if number == 0:
            hardware.forget_peak_memory()
            before.append(hardware.peak_memory_bytes())
        barrier.wait()
        ordered.finish()
    total = gpus * micro_batches
    assert (module[0].grad == total * (total - 1) / 2).all()


before = []
replicated.dist = SimpleNamespace(
    all_to_all_single=all_to_all_single,
    all_gather=all_gather,
    all_reduce=all_reduce,
    ReduceOp=SimpleNamespace(MAX=0),
)
threads = [threading.Thread(target=work, args=[number]) for number in range(gpus)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
json.dump([sent, added, hardware.peak_memory_bytes() - before[0]], sys.stdout)
