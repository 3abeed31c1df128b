import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.doctor.checks import characters
from twinlm.doctor.checks.characters import Characters, check_scripts, script_shares

CLEAN = [
    "Plain text, with 3 < 5 and a & b; also x<y.",
    "L'été à Noël: « CAFÉ » — “quotes”, naïve, Ångström, Ñandú.",
    "Σωκράτης и Пушкин, 漢字と仮名, हिन्दी",
    "Two lines,\n\tone indented.",
]
SICK = {
    "replacement characters (U+FFFD)": "Something \ufffd was here.",
    "mojibake (UTF-8 read as another encoding)": "The café in Zürich \u2013 “open”".encode().decode(
        "cp1252", "replace"
    ),
    "control characters": "A carpenter on the ship \x93Franklin\x94.",
    "invisible characters (zero width, soft hyphens, directions)": "basic\u00adally and \u200bmore",
    "HTML tags": 'Read <a href="http://x.org">this</a>.<br/>',
    "HTML entities": "Simon &amp; Garfunkel &#8211; &nbsp;live",
}


def look(documents):
    watcher = Characters("corpus")
    for document in documents:
        watcher.see(document)
    return watcher.checked()


def test_clean_text_of_many_languages_has_no_sign(seen):
    assert look(seen(CLEAN)).facts == {"texts": 4, "signs": {}}


@pytest.mark.parametrize("name", SICK)
def test_a_planted_sign_is_found_where_it_stands(seen, name):
    checked = look(seen([*CLEAN, SICK[name], *CLEAN]))
    findings = {name: finding for finding in checked.findings for name in SICK if name in finding.message}
    finding = findings[name]
    assert "in 1 of 9 texts" in finding.message
    assert finding.level == "warning"  # 1 of 9 is much
    assert finding.examples[0].startswith("a.txt:5 '")
    assert finding.why
    assert finding.hint
    others = set(findings) - {name}
    assert others <= {"replacement characters (U+FFFD)"}  # a closing quote can't be read as cp1252


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize("text", ["é", "Zürich", "naïve", "Здравствуйте", "“", "\u2013", "😀"])
def test_mojibake_of_either_encoding_is_known(seen, text, encoding):
    read = text.encode().decode(encoding, "ignore")
    assert "mojibake (UTF-8 read as another encoding)" in look(seen([read])).facts["signs"]


def test_one_in_thousands_is_a_note(seen):
    checked = look(seen(["Fine."] * 2000 + [SICK["HTML tags"]]))
    (finding,) = checked.findings
    assert (finding.level, finding.message) == ("note", "3 HTML tags in 1 of 2,001 texts (0.05 %)")


def test_bytes_that_were_replaced_in_reading_are_not_counted_again(seen):
    (document,) = seen(["lost \ufffd"])
    assert look([document._replace(is_replaced=True)]).findings == ()


@given(st.lists(st.text("aZ\u00e9\u00df\u03a9\u0436\u0416\u05d0\u0e01\uac00 1.\u2026\U0001f600"), max_size=5))
def test_scripts_are_those_of_the_characters_names(texts):
    scripts = {"THAI": "Thai and Lao", "HANGUL": "Hangul"}
    names = [unicodedata.name(char).split()[0] for char in "".join(texts) if char.isalpha()]
    counts = Counter(scripts.get(name, name.capitalize()) for name in names)
    assert script_shares(texts) == {
        script: pytest.approx(count / len(names)) for script, count in counts.items()
    }


def test_shares_are_of_letters_also_over_many_texts(monkeypatch):
    monkeypatch.setattr(characters, "_LETTERS_AT_ONCE", 4)
    assert script_shares(["abc 1.", "где", "か", "漢x"]) == pytest.approx(
        {"Latin": 4 / 9, "Cyrillic": 3 / 9, "Chinese and Japanese": 2 / 9}
    )
    assert script_shares([]) == {}


def test_a_second_script_is_a_warning_from_a_share_on():
    assert check_scripts("corpus", ["word " * 96, "слово"]).findings == ()
    (finding,) = check_scripts("corpus", ["word " * 10, "слово слово"]).findings
    assert finding.level == "warning"
    assert "Latin 80.0 %, Cyrillic 20.0 %" in finding.message
