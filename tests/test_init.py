import subprocess
import sys

import pytest

import twinlm


def test_every_public_name_can_be_used():
    for name in twinlm.__all__:
        assert getattr(twinlm, name) is not None
    assert dir(twinlm) == twinlm.__all__


def test_the_names_that_are_told_to_type_checkers_are_those_that_are_imported():
    assert {*twinlm._MODULES, "__version__"} == {*twinlm.__all__}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        twinlm.nothing  # noqa: B018


def test_importing_the_package_imports_nothing_else():
    program = (
        "import sys, twinlm; print([name for name in ('torch', 'numpy', 'cyclopts') if name in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
