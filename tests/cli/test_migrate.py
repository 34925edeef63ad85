"""`kerasnorm migrate`."""

import h5py
import keras
import pytest
from backends import once
from cli.refusals import check_refused
from migrate.old_files import Golden, difference, run, unpack

from kerasnorm.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("group", "weight_norm", "anonymous", "custom"):
        unpack(name, tmp_path)
    (tmp_path / "text.h5").write_text("text")
    (tmp_path / "there.keras").write_text("text")
    return tmp_path


@once
@pytest.mark.parametrize("name", ["group.h5", "group.keras", "weight_norm"])
def test_migrate(name, folder, capsys):
    assert main(["migrate", name, "new.keras"]) == 0
    said = capsys.readouterr()
    rows = {tuple(line.split()[:2]) for line in said.out.splitlines()}
    layer = {"g": "GroupNormalization", "w": "WeightNormalization"}[name[0]]
    assert (f"Addons>{layer}", f"kerasnorm.{layer}") in rows
    assert ("SigmoidFocalCrossEntropy" in said.err) == (name[0] == "g")
    stem = name.partition(".")[0]
    golden = Golden(folder, stem)
    assert difference(run(keras.saving.load_model("new.keras"), golden.x), golden.y) < 5e-6
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


@once
def test_layers_and_weights_in_two_files(folder, capsys):
    with h5py.File("group.h5") as file:
        (folder / "model.json").write_text(file.attrs["model_config"])
    assert main(["migrate", "model.json", "new.keras"]) == 2
    assert "a model without weights. Add --weights FILE" in capsys.readouterr().err
    assert main(["migrate", "model.json", "new.keras", "--weights", "group_only.h5"]) == 0
    golden = Golden(folder, "group")
    assert difference(run(keras.saving.load_model("new.keras"), golden.x), golden.y) < 5e-6


def test_overwrite(folder):
    assert main(["migrate", "group.h5", "there.keras", "--overwrite"]) == 0
    assert keras.saving.load_model("there.keras").name == "group_model"


BAD = [
    ("migrate none.h5 new.keras", "There is no file 'none.h5'"),
    ("migrate text.h5 new.keras", "'text.h5' is damaged"),
    ("migrate . new.keras", "is no SavedModel"),
    ("migrate anonymous.h5 new.keras", "Add --unsafe"),
    ("migrate custom.h5 new.keras", "Layer 'mine'"),
    ("migrate group.h5 there.keras", "'there.keras' exists"),
    ("migrate group.h5 new.h5", "should end in .keras"),
    ("migrate group.h5 no/new.keras", "There is no folder 'no'"),
    ("migrate group.h5", "NEW"),
]


@once
@pytest.mark.parametrize(("command", "said"), BAD)
def test_one_clear_line_and_exit_code_2(folder, capsys, command, said):
    check_refused(folder, capsys, command, said)
