"""What is missing is named before any work is done, with the extra and a command that works."""

import pathlib

import pytest

from kerasnorm import _validation
from kerasnorm._validation import require

ROOT = pathlib.Path(_validation.__file__).parents[1]


def test_what_is_there_passes():
    require("numpy", "keras")


def test_a_checkout_is_installed_in_place():
    with pytest.raises(ImportError) as raised:
        require("numpy", "no_such_package")
    assert str(raised.value) == (
        f"This needs 'no_such_package', of the extra 'vision': pip install -e '{ROOT}[vision]'."
    )
    assert raised.value.name == "no_such_package"


def test_a_wheel_is_installed_by_name(monkeypatch, tmp_path):
    monkeypatch.setattr(_validation, "__file__", str(tmp_path / "kerasnorm" / "_validation.py"))
    with pytest.raises(ImportError, match=r"pip install 'kerasnorm\[tuning\]'\.$"):
        require("no_such_package", extra="tuning")
