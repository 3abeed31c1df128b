"""The tables of docs/scale.md follow from formulas. `python tests/docs/test_scale_page.py` writes them."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from twinlm.cli import main
from twinlm.core.count import layer_count, parameter_count
from twinlm.families import FAMILIES
from twinlm.settings import presets

ROOT = Path(__file__).parents[2]
SCALE = ROOT / "benchmarks" / "scale.py"
PAGE = ROOT / "docs" / "scale.md"
EXAMPLES = (ROOT / "examples" / "slurm.sh", ROOT / "examples" / "kubernetes.yaml")

# A common node; see the page. We measured none of these.
GPU_FLOPS = 0.4 * 989e12
NODE = {"gpus_of_a_node": 8, "gpu_bytes_per_s": 450e9}
NETWORKS = {"8 x 400 Gbit/s": 400e9, "1 x 100 Gbit/s": 12.5e9}
DISK_BYTES_PER_S = 2e9
FAILURE_GPU_HOURS = 50_000
GIB = 2**30
REPLICATED, ORDERED, SHARDED = "on", "ordered on", "sharded over"
HIDDEN = {REPLICATED: 2 / 3, ORDERED: 0.0, SHARDED: 1.0}
"""Share of the computing time during which a GPU can also send."""


def formulas() -> Any:
    specification = importlib.util.spec_from_file_location("scale", SCALE)
    assert specification is not None and specification.loader is not None
    sys.modules["scale"] = module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


scale = formulas()


@dataclass
class Plan:
    """A model and its training."""

    label: str
    kind: str
    sizes: Any
    length: int
    batch: int
    micro_batch: int
    target_share: float
    steps: int

    @property
    def family(self) -> Any:
        return FAMILIES[self.kind]

    def counted(self) -> Any:
        with torch.device("meta"):
            model = self.family.model(self.sizes)
        of = {name: getattr(self.sizes, name) for name in ("layers", "width", "feed_forward", "vocab_size")}
        return scale.Sizes(parameters=parameter_count(model), layer_parameters=layer_count(model), **of)

    def micro_batches(self, gpus: int) -> int:
        return max(1, self.batch // gpus // self.micro_batch)

    def memory(self, *, gpus: int, is_sharded: bool) -> Any:
        positions = min(self.micro_batch, self.batch // gpus) * self.length
        targets = positions * self.target_share
        return scale.memory(
            self.counted(), positions=positions, targets=targets, gpus=gpus if is_sharded else 1
        )

    def compute_s(self, gpus: int) -> float:
        tokens = self.batch * self.length
        flops = self.family.training_flops(
            self.sizes, sequences=self.batch, length=self.length, targets=tokens * self.target_share
        )
        return flops / gpus / GPU_FLOPS

    def traffic_bytes(self, gpus: int, how: str) -> float:
        parameters = self.counted().parameters
        if how == ORDERED:
            assert self.micro_batches(gpus).bit_count() == 1  # so one sum is left
            return scale.ordered_traffic_bytes(parameters, gpus)
        if how == SHARDED:
            return scale.sharded_traffic_bytes(parameters, gpus, micro_batches=self.micro_batches(gpus))
        return scale.replicated_traffic_bytes(parameters, gpus)


def plans() -> list[Plan]:
    settings = presets.resolve(Path("bert-large-paper"), {})
    large = FAMILIES["bert"].configure(settings.bert.model, settings.tokenizer.vocab_size)
    billion = FAMILIES["gpt"].config(
        vocab_size=50_257, max_length=1024, width=1792, layers=24, heads=28, feed_forward=4 * 1792
    )
    return [
        Plan("BERT-large, length 128", "bert", large, 128, 256, 32, 20 / 128, 900_000),
        Plan("BERT-large, length 512", "bert", large, 512, 256, 32, 77 / 512, 100_000),
        Plan("GPT of a billion", "gpt", billion, 1024, 512, 8, 1023 / 1024, 38_147),
    ]


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table with numbers aligned to the right."""
    marks = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, marks, *rows])


def models() -> str:
    rows = []
    for plan in plans():
        sizes = plan.counted()
        tokens = plan.batch * plan.length
        layout = f"{sizes.layers} x {sizes.width}"
        numbers = [f"{sizes.parameters / 1e6:,.0f} M", f"{plan.batch} x {plan.length}", f"{tokens:,}"]
        rows.append(
            [plan.label, layout, *numbers, f"{plan.compute_s(1) * GPU_FLOPS / 1e12:,.0f}", f"{plan.steps:,}"]
        )
    header = ["", "layers x width", "weights", "batch", "tokens a step", "TFLOPs a step", "steps"]
    return table(header, rows)


def memories() -> str:
    rows = []
    for plan in plans()[1:]:
        for gpus, is_sharded in ((8, False), (8, True), (64, True)):
            memory = plan.memory(gpus=gpus, is_sharded=is_sharded)
            how = f"{'sharded over' if is_sharded else 'replicated on'} {gpus}"
            parts = [memory.state, memory.weights_in_use, memory.activations, memory.vocabulary, memory.total]
            rows.append([f"{plan.label}, {how}", *(f"{part / GIB:,.1f}" for part in parts)])
    header = ["GiB of one GPU", "state", "weights in use", "activations", "vocabulary", "all"]
    return table(header, rows)


def steps() -> str:
    rows = []
    for plan in plans():
        for gpus, network in ((8, ""), (64, "8 x 400 Gbit/s"), (64, "1 x 100 Gbit/s")):
            for how in HIDDEN if plan.kind == "gpt" else (REPLICATED,):
                rows.append(_step(plan, gpus, network, how))
    header = ["", "computing, ms", "sent by each, GB", "sending, ms", "efficiency", "at best", "hours"]
    return table(header, rows)


def _step(plan: Plan, gpus: int, network: str, how: str) -> list[str]:
    compute_s, sent_bytes = plan.compute_s(gpus), plan.traffic_bytes(gpus, how)
    bandwidth = scale.ring_bytes_per_s(gpus, node_bytes_per_s=NETWORKS.get(network, 0), **NODE)
    sending_s = sent_bytes / bandwidth
    worst = scale.efficiency(compute_s, sending_s)
    best = scale.efficiency(compute_s, sending_s, hidden_s=compute_s * HIDDEN[how])
    hours = [plan.steps * compute_s / share / 3600 for share in (best, worst)]
    return [
        f"{plan.label}, {how} {gpus}{f', {network}' if network else ''}",
        f"{1e3 * compute_s:,.1f}",
        f"{sent_bytes / 1e9:,.2f}",
        f"{1e3 * sending_s:,.1f}",
        f"{worst:.0%}",
        f"{best:.0%}",
        f"{hours[0]:,.1f} to {hours[1]:,.1f}",
    ]


def checkpoints() -> str:
    rows = []
    for plan in plans()[1:]:
        size_bytes = scale.checkpoint_bytes(plan.counted().parameters)
        for gpus in (8, 64):
            write_s = size_bytes / DISK_BYTES_PER_S
            failure_s = FAILURE_GPU_HOURS * 3600 / gpus
            every_s = scale.checkpoint_interval_s(write_s, failure_s)
            lost = write_s / every_s + every_s / 2 / failure_s
            row = [f"{plan.label.split(',')[0]} on {gpus}", f"{size_bytes / 1e9:.1f}", f"{write_s:.1f}"]
            rows.append([*row, f"{failure_s / 3600:,.0f}", f"{every_s / 60:.0f}", f"{lost:.2%}"])
    header = ["", "GB", "seconds to write", "hours between failures", "minutes between two", "time lost"]
    return table(header, rows)


TABLES = {"models": models, "memory": memories, "steps": steps, "checkpoints": checkpoints}


def _between(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?s)(?<=<!-- {name} -->\n).*?(?=<!-- end -->)")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page_is_what_the_formulas_give(name: str) -> None:
    tables = _between(name).findall(PAGE.read_text())
    assert tables == [TABLES[name]() + "\n"], "run python tests/docs/test_scale_page.py"


def test_the_billion_is_one_and_its_tokens_are_twenty_a_weight() -> None:
    plan = plans()[-1]
    parameters = plan.counted().parameters
    assert parameters == pytest.approx(1e9, rel=0.02)
    assert plan.steps * plan.batch * plan.length == pytest.approx(20e9, rel=0.001)


def _trainings(path: Path) -> Iterator[list[str]]:
    for command in re.findall(r"-m twinlm (.+)", path.read_text()):
        yield command.split()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_what_an_example_of_a_scheduler_runs_is_a_command(path: Path) -> None:
    trainings = list(_trainings(path))
    assert trainings
    for words in trainings:
        main.build_app().parse_args(main.prepare(words), exit_on_error=False, print_error=False)


def test_the_example_for_kubernetes_is_whole() -> None:
    service, job = yaml.safe_load_all(EXAMPLES[1].read_text())
    pod = job["spec"]["template"]["spec"]
    command = pod["containers"][0]["args"][0]
    assert f"--nnodes={job['spec']['completions']} " in command
    assert f"--master-addr={job['metadata']['name']}-0.{service['metadata']['name']} " in command
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"]["job-name"] == job["metadata"]["name"]
    mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


if __name__ == "__main__":
    before = PAGE.read_text()
    for name, make in TABLES.items():
        begin, end = next(_between(name).finditer(before)).span()
        before = before[:begin] + make() + "\n" + before[end:]
    PAGE.write_text(before)
