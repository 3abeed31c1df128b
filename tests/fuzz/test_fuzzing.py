"""A short form of `make fuzz`: some hostile inputs for every parser, and some random settings."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

INPUTS, CONFIGS = 20, 60
"""Of each parser of weight 1 or more; of settings."""


def test_every_parser_reads_or_refuses_what_it_is_fed(
    bench: ModuleType, mutations: ModuleType, parsers: dict[str, Any], tmp_path: Path
) -> None:
    wrong: list[str] = []
    tally = bench.Tally()
    for number, (name, parser) in enumerate(parsers.items()):
        one = bench.Bench(name, parser, tmp_path / str(number), mutations)
        for case in range(round(INPUTS * min(1.0, parser.weight)) or 1):
            outcome, seconds = one.run(seed=7, number=case)
            tally.add(outcome, seconds)
            if outcome not in ("accepted", "refused"):
                wrong.append(f"{name}, case {case}: {outcome}")
    assert wrong == []
    assert tally.inputs > 850
    assert tally.accepted > 130 and tally.refused > 330


def test_strangers_folders_run_nothing_and_open_nothing_else(
    bench: ModuleType, mutations: ModuleType, parsers: dict[str, Any], watched: Any, tmp_path: Path
) -> None:
    for number, name in enumerate(name for name in parsers if name.startswith("foreign")):
        place = tmp_path / str(number)

        def judge(act: Any, codes: Any, place: Path = place) -> Any:
            with watched(place):
                return bench.judge(act, codes)

        one = bench.Bench(name, parsers[name], place, mutations, judge)
        assert {one.run(seed=8, number=case)[0] for case in range(INPUTS)} <= {"accepted", "refused"}


def test_random_settings_are_trained_or_refused(laboratory: Any) -> None:
    outcomes = [laboratory.run(seed=7, number=number)[0] for number in range(CONFIGS)]
    assert [outcome for outcome in outcomes if outcome not in ("accepted", "refused")] == []
    assert laboratory.trained > CONFIGS // 10
    assert outcomes.count("refused") > CONFIGS // 10


def test_a_case_is_the_same_again(
    bench: ModuleType, mutations: ModuleType, parsers: dict[str, Any], tmp_path: Path
) -> None:
    made = []
    for again in ("first", "second"):
        one = bench.Bench("minimal pairs, .csv", parsers["minimal pairs, .csv"], tmp_path / again, mutations)
        one.make(seed=3, number=11)
        made.append((tmp_path / again / "a.csv").read_bytes())
    assert made[0] == made[1] != one.valid[tmp_path / "second" / "a.csv"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError("x"), "ValueError: 'x'"),
        (SystemExit(3), "SystemExit: '3'"),
        (BaseException("a panic"), "BaseException: 'a panic'"),
    ],
)
def test_anything_but_a_user_error_is_wrong(bench: ModuleType, error: BaseException, outcome: str) -> None:
    def fail() -> None:
        raise error

    assert bench.judge(fail, (4,))[0] == outcome


def test_another_exit_code_is_wrong(bench: ModuleType) -> None:
    def fail() -> None:
        raise bench.UserError("a message")

    assert bench.judge(fail, (2,))[0] == "exit code 1: 'a message'"
    assert bench.judge(fail, (1,))[0] == "refused"
