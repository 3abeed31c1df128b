"""What the data doctor found, as the report says it."""

from dataclasses import replace

from twinlm.report.html import render_html
from twinlm.report.markdown import render_markdown
from twinlm.report.report_doctor import line, summary

TITLE = "What the data doctor found"


def test_a_finding_is_a_line_with_what_is_known_of_it(example_results):
    first, second = map(line, example_results.doctor.findings)
    assert first == (
        "Problem, task topic: 12 of 90 <b>test</b> texts stand in the corpus. Why it matters: both models "
        "have read what they are tested on. What to do: take these texts out."
    )
    assert second == "Warning, GPT: the text is small."
    assert summary(example_results.doctor).startswith("1 problem, 1 warning and 3 notes, found before")


def test_page_and_markdown_have_a_section_with_every_finding(example_results):
    page, text = render_html(example_results), render_markdown(example_results)
    assert f"<h2>{TITLE}</h2>" in page and f"## {TITLE}" in text
    for shown in (page, text):
        assert "12 of 90 &lt;b&gt;test&lt;/b&gt; texts stand in the corpus" in shown
        assert "Warning, GPT: the text is small." in shown


def test_without_findings_it_says_so_and_without_the_doctor_nothing(example_results):
    healthy = replace(example_results, doctor=replace(example_results.doctor, findings=[]))
    assert "0 problems, 0 warnings and 3 notes" in render_markdown(healthy)
    assert "0 problems, 0 warnings and 3 notes" in render_html(healthy)
    for render in (render_html, render_markdown):
        assert "doctor" not in render(replace(example_results, doctor=None))
