"""What the data doctor found, as the report says it."""

from msgspec.structs import replace

from twinlm.report.data_section import finding_line, findings_summary
from twinlm.report.report import MARKDOWN, PAGE, report_files


def _pages(results):
    files = report_files(results)
    return files[PAGE].decode(), files[MARKDOWN].decode()


def test_a_finding_is_a_line_with_what_is_known_of_it(example_results):
    first, second = map(finding_line, example_results.doctor.findings)
    assert first == (
        "Problem, task topic: 12 of 90 <b>test</b> texts stand in the corpus. Why it matters: both models "
        "have read what they are tested on. What to do: take these texts out."
    )
    assert second == "Warning, GPT: the text is small."
    assert findings_summary(example_results.doctor).startswith(
        "1 problem, 1 warning and 3 notes, found before training."
    )


def test_page_and_markdown_have_a_section_with_every_finding(example_results):
    page, text = _pages(example_results)
    assert "<h2>Data doctor</h2>" in page and "## Data doctor" in text
    for shown in (page, text):
        assert "12 of 90 &lt;b&gt;test&lt;/b&gt; texts stand in the corpus" in shown
        assert "Warning, GPT: the text is small." in shown


def test_without_findings_it_says_so_and_without_the_doctor_nothing(example_results):
    healthy = replace(example_results, doctor=replace(example_results.doctor, findings=[]))
    assert all("0 problems, 0 warnings and 3 notes" in shown for shown in _pages(healthy))
    assert not any("doctor" in shown for shown in _pages(replace(example_results, doctor=None)))
