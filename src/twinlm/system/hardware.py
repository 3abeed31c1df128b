"""The machine: device, threads, precision and memory."""

import contextlib
import ctypes
import hashlib
import os
import platform
import resource
import time
from importlib import metadata
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_MEMORY = Path("/proc/meminfo")
_PROCESSORS = Path("/proc/stat")
_CONTROL_GROUP = Path("/sys/fs/cgroup")
_ALLOCATOR = ("GLIBC_TUNABLES", "MALLOC_", "LD_PRELOAD")
# Parameters of the C library's mallopt, from its malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 2**30
_BUSY = 0.5  # processors
_LEAST_S = 0.25  # the system counts hundredths
# Variables with which users choose other kernels, which round differently.
_VARIABLES = (
    *("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS"),
    *("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"),
)


def device() -> torch.device:
    """Return the first GPU, or the CPU if there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def use_threads(threads: int, *, processes: int = 1) -> int:
    """Set the number of PyTorch's processor threads, and return it; 0 for a share of all available ones."""
    threads = threads or max(1, len(os.sched_getaffinity(0)) // processes)
    torch.set_num_threads(threads)
    return threads


def open_files(wanted: int) -> int:
    """Let this process have so many files and connections open, or as many as it may; return how many."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now != resource.RLIM_INFINITY and now < wanted:
        now = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))
    return wanted if now == resource.RLIM_INFINITY else min(wanted, now)


def keep_freed_memory() -> bool:
    """Keep freed memory for the next step instead of giving it back to the system; tell whether that is so.

    Else the C library hands large blocks back, and the system clears each page again in every step. Users
    who chose an allocator or its settings, or TWINLM_KEEP_MEMORY=0, keep what they chose.
    """
    is_chosen = os.environ.get("TWINLM_KEEP_MEMORY") == "0" or any(
        name.startswith(_ALLOCATOR) for name in os.environ
    )
    if is_chosen or platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    return all(library.mallopt(option, _KEPT_BYTES) for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))


def clocks() -> tuple[float, float]:
    """Return the time, and the processor time of all other processes so far."""
    return time.perf_counter(), busy_seconds() - time.process_time()


def other_work(since: tuple[float, float]) -> float:
    """Return how many of our processors other processes kept busy since `clocks`; 0 if that is too short."""
    seconds, used_s = (now - then for now, then in zip(clocks(), since, strict=True))
    return max(0.0, used_s) / seconds if seconds > _LEAST_S else 0.0


def slowed_by(busy: float) -> str:
    """Return what to do where other work keeps so many of our processors busy; empty if it is no problem."""
    is_chosen = any(name in os.environ for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"))
    if busy < _BUSY or is_chosen or torch.get_num_threads() == 1:
        return ""
    # Threads that spin take the processor from those they wait for.
    return "this can make training several times as slow; GOMP_SPINCOUNT=300 in the environment helps most"


def own_generators() -> contextlib.AbstractContextManager[object]:
    """Return a context that restores PyTorch's random generators at its end."""
    return torch.random.fork_rng([torch.cuda.current_device()] if torch.cuda.is_available() else [])


def seed_generators(seed: int, where: torch.device) -> None:
    """Seed PyTorch's generator of the processor, and of the GPU if the computation is there."""
    # torch.manual_seed also seeds devices that were never used, and formats the whole stack for each kind of
    # them: 1 ms a call at this depth (2026-11-29), as much as a small micro-batch.
    torch.default_generator.manual_seed(seed)
    if where.type == "cuda":
        torch.cuda.manual_seed(seed)


def precision(setting: str) -> str:
    """Return "float32" or "bfloat16"; for "auto", bfloat16 if the hardware has instructions for it."""
    if setting != "auto":
        return setting
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    abilities = torch.cpu.get_capabilities()
    return "bfloat16" if abilities.get("avx512_bf16") or abilities.get("amx_bf16") else "float32"


def autocast(precision: str, where: torch.device) -> contextlib.AbstractContextManager[object]:
    """Return a context in which matrix products run in a precision."""
    return torch.autocast(where.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")


def describe() -> dict[str, str]:
    """Return the facts on which bitwise repetition depends, for reports and manifests."""
    build = hashlib.sha256(torch.__config__.show().encode()).hexdigest()
    facts = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torch build": build[:16],
        "numpy": metadata.version("numpy"),
        "tokenizers": metadata.version("tokenizers"),
        "device": device().type,
        "processor": str(torch.cpu.get_capabilities().get("cpu_name", platform.processor())),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
        "system": platform.platform(),
        "variables": " ".join(f"{name}={os.environ[name]}" for name in _VARIABLES if name in os.environ),
    }
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
    return facts


def forget_peak_memory() -> None:
    """Reset the peak memory, where the system allows it."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")  # Linux: set the resident high-water mark to what is resident now


def peak_memory_bytes() -> int:
    """Return the peak memory since `forget_peak_memory`, of the GPU or else of this process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    with contextlib.suppress(OSError, StopIteration, ValueError):
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def busy_seconds() -> float:
    """Return the busy time of our processors since the system started, summed over them and all processes.

    0 where the system does not tell (all but Linux).
    """
    ours = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    rows = [line.split() for line in _lines_of(_PROCESSORS)]
    # user, nice, system, idle, waiting for disks, two kinds of interrupts, taken by other virtual machines
    ticks = [sum(map(int, row[1:4] + row[6:9])) for row in rows if row[0] in ours]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")


def available_memory_bytes() -> int:
    """Return the free memory of the GPU, or else of the system or our control group in it."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    free_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # if nothing more precise is known
    for line in _lines_of(_MEMORY):
        if line.startswith("MemAvailable"):
            free_bytes = int(line.split()[1]) * 1024
    limit, used = (_lines_of(_CONTROL_GROUP / f"memory.{name}") for name in ("max", "current"))
    # Cached files count as used, but are dropped when memory is needed.
    cached = [
        int(line.split()[1]) for line in _lines_of(_CONTROL_GROUP / "memory.stat") if line[:5] == "file "
    ]
    if limit and used and limit[0].isdigit():
        free_bytes = min(free_bytes, int(limit[0]) - int(used[0]) + sum(cached))
    return free_bytes


def _lines_of(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text().splitlines()
    return []
