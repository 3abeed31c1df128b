from twinlm.cli.start import doctor
from twinlm.errors import ResourceError


def test_it_looks_at_everything_and_leaves_nothing_behind(cli, tmp_path, monkeypatch):
    threads = []
    monkeypatch.setattr("twinlm.system.hardware.use_threads", threads.append)
    answer = cli("doctor", "--json")
    names = [finding["name"] for finding in answer.json["findings"]]
    assert {
        "twinlm",
        "packages",
        "extra [data]",
        "memory",
        "runs folder",
        "GPT training",
        "BERT training",
    } <= {*names}
    assert answer.json["ok"] == (answer.code == 0)
    assert list((tmp_path / "runs").iterdir()) == []
    assert threads == [0]


def test_a_place_that_can_not_be_written_is_bad(cli, tmp_path):
    (tmp_path / "runs").write_text("a file where a folder should be")
    answer = cli("doctor")
    assert answer.code == ResourceError.exit_code
    assert "BAD runs folder" in answer.out


def test_a_missing_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(doctor._EXTRAS, "data", ("no-such-package",))
    (finding,) = (row for row in doctor._packages() if row.name == "extra [data]")
    assert finding.is_fine
    assert finding.advice == "pip install 'twinlm[data]' adds it"
