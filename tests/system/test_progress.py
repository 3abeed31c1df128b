import io
import os
import re

import pytest

from twinlm.system.progress import Bar, Lines, described, duration, progress_on


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def work(shown, steps: int = 3) -> None:
    shown.start("pre-training", steps, "steps")
    for step in range(1, steps + 1):
        shown.advance(step, loss=4.25, tokens_per_second=21300.4)
    shown.finish()


def test_lines_show_the_first_and_the_last_report():
    stream = io.StringIO()
    with progress_on(stream) as shown:
        work(shown, steps=1000)
    assert stream.getvalue().splitlines() == [
        "pre-training: 1 of 1,000 steps, loss 4.250, 21,300 tokens/s",
        "pre-training: 1,000 of 1,000 steps, loss 4.250, 21,300 tokens/s",
    ]


def test_lines_can_be_silent_about_work_of_a_moment():
    stream = io.StringIO()
    with progress_on(stream, quiet_s=60) as shown:
        work(shown)
        shown.say("cut 1 text")
    assert stream.getvalue() == "cut 1 text\n"


def test_lines_come_every_few_seconds_with_the_time_left():
    stream = io.StringIO()
    work(Lines(stream, between_s=0))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert re.search(r"2 of 3 steps.*, \d+:\d\d left$", lines[1])


def test_lines_show_where_work_was_broken_off():
    stream = io.StringIO()
    with progress_on(stream) as shown:
        shown.start("reading", 9, "files")
        for done in (1, 2, 3):
            shown.advance(done)
    assert stream.getvalue().splitlines()[-1].startswith("reading: 3 of 9 files")


def test_a_bar_shows_loss_speed_and_time_left():
    stream = Terminal()
    bar = Bar(stream, after_s=0)
    bar._console.width = 80
    work(bar, steps=50)
    assert re.search(
        r"━.* pre-training: 50/50 steps, 0:00 left, loss 4\.250, 21,300 tokens/s", stream.getvalue()
    )


def test_the_number_among_all_stands_first_where_no_terminal_cuts_it_and_ends_with_its_work():
    for stream, make in ((Terminal(), Bar), (io.StringIO(), Lines)):
        shown = make(stream, 0)
        shown.start("fine-tuning", 9, "steps")
        shown.whole(7, 32, 3725.0)
        shown.advance(1)
        shown.finish()
        shown.start("reading", 9, "files")
        shown.advance(1)
        shown.close()
        assert "[7/32, 1:02:05 left] fine-tuning: 1" in stream.getvalue()
        assert "] reading" not in stream.getvalue()


def test_one_report_of_the_last_piece_of_work_is_not_cut():
    stream = io.StringIO()
    shown = Lines(stream, between_s=60)
    shown.start("fine-tuning", 1, "steps")
    shown.whole(32, 32, 0.0)
    shown.advance(1)
    shown.finish()
    assert stream.getvalue() == "[32/32, 0:00 left] fine-tuning: 1 of 1 steps\n"


def test_a_moment_of_work_shows_no_bar_but_what_is_said():
    stream = Terminal()
    with progress_on(stream) as shown:
        work(shown)
        shown.say("[done] with 3 steps")
    assert stream.getvalue() == "[done] with 3 steps\n"


def test_work_without_reports_is_no_trouble():
    for shown in (Lines(io.StringIO()), Bar(Terminal(), after_s=0)):
        shown.start("nothing", 0, "steps")
        shown.finish()
        shown.close()


def test_figures_and_times_are_written_for_people():
    assert described({"loss": 1.5, "epoch": "2", "tokens": 9244}) == [
        "loss 1.500",
        "epoch 2",
        "tokens 9,244",
    ]
    assert [duration(s) for s in (0, 65, 3725)] == ["0:00", "1:05", "1:02:05"]


def test_work_goes_on_when_nobody_reads_any_more():
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    work(Lines(stream))
    with pytest.raises(BrokenPipeError):
        stream.close()
