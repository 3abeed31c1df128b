"""`twinlm bundle` and `twinlm verify`, by what they print and their exit codes."""


def test_a_bundle_is_written_checked_and_found_changed(cli, made, tmp_path):
    made.write_run(tmp_path / "run", [made.answers("classification")])
    written = cli("bundle", "run", "--out", "out", "--json")
    assert written.code == 0
    assert len(written.json["seal"]) == 64
    checked = cli("verify", "out")
    assert checked.code == 0
    assert "No difference." in checked.out and "values recomputed" in checked.out
    assert written.json["seal"] in checked.out
    (tmp_path / "out" / "settings.toml").write_text("")
    changed = cli("verify", "out", "--json")
    assert changed.code == 1
    assert not changed.json["is_sound"]
    assert any(item["where"] == "settings.toml" for item in changed.json["differences"])


def test_what_is_none_is_said_in_one_line(cli, tmp_path):
    (tmp_path / "empty").mkdir()
    for command in (("bundle", "empty", "--out", "out"), ("verify", "empty"), ("verify", "nowhere")):
        answer = cli(*command)
        assert answer.code in (2, 4)
        assert answer.err.startswith("error: ") and answer.err.count("\n") == 1
