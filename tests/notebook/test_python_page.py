"""The Python of docs/python.md runs as it stands, with a smaller model."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text()


def test_the_code_of_the_page_runs(tmp_path, monkeypatch, settings, capsys):
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.S))
    code, count = re.subn(r"settings = \{.*?\}\n", lambda _: f"settings = {settings!r}\n", code, count=1)
    assert count == 1
    small = '{"finetune.epochs": 1, "finetune.max_length": 48, "finetune.batch_examples": 16}'
    code = code.replace('{"finetune.epochs": 2}', small).replace(
        "TwinClassifier(bert)", f"TwinClassifier(bert, settings={small})"
    )
    exec(compile(code, "docs/python.md", "exec"), {})
    out = capsys.readouterr().out
    assert "Report: " in out
    assert Path("runs/mine/report.html").is_file()
