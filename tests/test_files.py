"""Files are whole or absent."""

import json
import math
import os

import keras
import numpy as np
import pytest

from kerasnorm._files import PART, staged, whole
from kerasnorm._strict_json import strict_json


def test_a_new_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "notes.txt"
    with whole(path) as part:
        part.write_text("new")
        assert not path.exists() and part.parent == tmp_path
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("begun", [True, False], ids=["half written", "not begun"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_interruption_leaves_the_old_file_alone(tmp_path, begun, error):
    path = tmp_path / "notes.txt"
    path.write_text("old")

    def write():
        with whole(path) as part:
            if begun:
                part.write_text("ne")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_that_was_never_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole(tmp_path / "notes.txt"):
        pass


@pytest.mark.parametrize("name", ["a.keras", "a.weights.h5", "a.npz", "a.npy"])
def test_the_part_has_a_name_that_writers_take_as_it_is(tmp_path, name):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    write = {
        "a.keras": model.save,
        "a.weights.h5": model.save_weights,
        "a.npz": lambda part: np.savez(part, np.ones(1)),
        "a.npy": lambda part: np.save(part, np.ones(1)),
    }[name]
    with whole(tmp_path / name) as part:
        assert part.name.startswith(PART)
        write(part)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_processes_write_parts_of_their_own(tmp_path, monkeypatch):
    path = tmp_path / "notes.txt"
    with whole(path) as first:
        first.write_text("first")
        monkeypatch.setattr("os.getpid", lambda: -1)
        with whole(path) as second:
            second.write_text("second")
        assert path.read_text() == "second" and first != second
    assert path.read_text() == "first"


def write(path, text):
    with whole(path) as part:
        part.write_text(text)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "notes.txt"
    link.symlink_to(tmp_path / "real" / "notes.txt")
    for text in ("first", "second"):
        write(link, text)
        assert link.is_symlink() and (tmp_path / "real/notes.txt").read_text() == text
    assert len(list((tmp_path / "real").iterdir())) == 1


def test_what_a_killed_process_left_goes_with_the_next_writing(tmp_path):
    for name in ("4194305-notes.txt", "4194305-other.txt"):
        (tmp_path / f"{PART}{name}").write_text("half")
    write(tmp_path / "notes.txt", "1")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{PART}4194305-other.txt",
        "notes.txt",
    ]


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders of this process, by what they are."""
    for name in ("home/user", "work/here", "notes", "link/to"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    (tmp_path / "shortcut").symlink_to(tmp_path / "work" / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "user"))
    monkeypatch.chdir(tmp_path / "work" / "here")
    return tmp_path


STAYS = {
    ".": "is your working directory",
    "..": "is above your working directory",
    "/": "is above your working directory",
    "~": "is your home",
    "{}/home": "is above your home",
    "{}/shortcut": "is your working directory",
    "/proc": "is a mount point",
    "{}/notes": "holds 'mine.txt', and nothing that this would replace",
    "{}/notes/mine.txt": "is a file",
}


@pytest.mark.parametrize("place", STAYS)
def test_what_is_not_to_be_replaced(place, places):
    if place == "/proc" and not os.path.ismount(place):
        pytest.skip("this machine has no /proc")
    before = sorted(path.relative_to(places) for path in places.rglob("*"))
    refused = pytest.raises(FileExistsError, match=STAYS[place])
    with refused, staged(place.format(places), overwrite=True) as stage:
        (stage / "model.keras").write_text("")
    assert before == sorted(path.relative_to(places) for path in places.rglob("*"))
    assert os.getcwd() == str(places / "work" / "here")


def test_a_run_is_replaced_and_what_is_beside_it_stays(places):
    (places / "notes" / "recipe.json").write_text("old")
    with staged(places / "notes", overwrite=True) as stage:
        (stage / "model.keras").write_text("new")
    assert {path.name for path in (places / "notes").iterdir()} == {"mine.txt", "model.keras"}


def test_numbers_that_are_not_finite_are_null():
    content = {"loss": [0.5, math.nan, np.float64(math.inf)], "row": (None, "NaN", 3)}
    text = strict_json(content)
    assert json.loads(text, parse_constant=pytest.fail) == {
        "loss": [0.5, None, None],
        "row": [None, "NaN", 3],
    }
