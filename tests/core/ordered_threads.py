"""Gradients added in a fixed order by threads that take the place of GPUs, with all that is sent counted."""

import threading
from types import SimpleNamespace

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from twinlm.train import replicated

place = threading.local()


class Exchange:
    """What `torch.distributed` does, among threads."""

    ReduceOp = SimpleNamespace(MAX=0)

    def __init__(self, gpus):
        self.barrier, self.mail = threading.Barrier(gpus, timeout=60), {}
        self.sent, self.added = [0] * gpus, [0] * gpus

    def post(self, given):
        self.barrier.wait()
        self.mail[place.number] = given
        self.barrier.wait()
        return [self.mail[number] for number in range(len(self.sent))]

    def all_to_all_single(self, received, given, counts, own_counts):
        parts = given.split(own_counts)
        self.sent[place.number] += sum(part.nbytes for to, part in enumerate(parts) if to != place.number)
        for part, letter in zip(received.split(counts), self.post(parts), strict=True):
            part.copy_(letter[place.number])

    def all_gather(self, received, given):
        self.sent[place.number] += (len(self.sent) - 1) * given.nbytes  # round a ring, as above
        for part, letter in zip(received, self.post(given), strict=True):
            part.copy_(letter)

    def all_reduce(self, flags, how):
        flags.copy_(torch.stack(self.post(flags.clone())).amax(0))


class Additions(TorchDispatchMode):
    def __init__(self, added):
        super().__init__()
        self.added = added

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation is torch.ops.aten.add_.Tensor:
            self.added[place.number] += args[0].numel()
        return operation(*args, **(kwargs or {}))


def added(monkeypatch, live_tensors, gpus, micro_batches, weights):
    """Return what each thread sent and added, and the bytes that the exchange took beside, of all."""
    exchange, tally, total = Exchange(gpus), live_tensors.Tally(), gpus * micro_batches
    monkeypatch.setattr(replicated, "dist", exchange)
    before_bytes, sums = [], []

    def work(number):
        place.number = number
        module = torch.nn.ParameterList([torch.ones(weights)])
        ordered = replicated.Ordered(module, print, SimpleNamespace(count=gpus, number=number))
        ordered.begin(total)
        with Additions(exchange.added), live_tensors.Counting(tally):
            for micro_batch in replicated.share_of(number, gpus, total):
                with ordered.adding(micro_batch):
                    module[0].grad = torch.full((weights,), float(micro_batch))
            exchange.barrier.wait()
            if number == 0:
                before_bytes.append(tally.live_bytes)
                tally.peak_bytes = 0
            exchange.barrier.wait()
            ordered.finish()
        sums.append(module[0].grad)

    threads = [threading.Thread(target=work, args=[number]) for number in range(gpus)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sums) == gpus and all((row == total * (total - 1) / 2).all() for row in sums)
    return exchange.sent, exchange.added, tally.peak_bytes - before_bytes[0]
