"""`kerasnorm inspect` and `kerasnorm replace`."""

import keras
import numpy as np
import pytest
from backends import once
from cli.refusals import check_refused
from keras import layers

from kerasnorm import normalization as norms
from kerasnorm.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stack = [layers.Conv2D(48, 3, name="conv"), layers.BatchNormalization(name="bn")]
    keras.Sequential([keras.Input((8, 8, 3)), *stack]).save("model.keras")
    stack = [layers.Lambda(lambda x: x * 2), layers.BatchNormalization(name="bn")]
    keras.Sequential([keras.Input((8, 8, 3)), *stack]).save("lambda.keras")
    (tmp_path / "text.keras").write_text("text")
    (tmp_path / "there.keras").write_text("text")
    return tmp_path


def test_inspect(folder, capsys):
    assert main(["inspect", "model.keras"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["bn", "BatchNormalization", "0,1,2", "yes", "moving", "96", "192"]


def test_replace(folder, capsys):
    assert main(["replace", "model.keras", "--to", "group", "--out", "new.keras"]) == 0
    said = capsys.readouterr().out
    assert "1 normalization layers replaced" in said and "24 groups: bn" in said
    new, old = (keras.models.load_model(name) for name in ("new.keras", "model.keras"))
    assert type(new.get_layer("bn")) is norms.GroupNormalization
    np.testing.assert_array_equal(new.get_layer("conv").kernel, old.get_layer("conv").kernel)
    assert {path.name for path in folder.iterdir()} >= {"new.keras"}
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_replace_with_options(folder):
    options = ["--groups", "16", "--where", "^bn$", "--weight-standardization", "--overwrite"]
    command = ["replace", "model.keras", "--to", "group", "--out", "there.keras", *options]
    assert main(command) == 0
    new = keras.models.load_model("there.keras")
    assert new.get_layer("bn").groups == 16
    assert type(new.get_layer("conv")) is norms.WeightStandardization


def test_unsafe_lets_lambda_layers_run(folder):
    command = ["replace", "lambda.keras", "--to", "layer", "--out", "new.keras", "--unsafe"]
    assert main(command) == 0
    new = keras.saving.load_model("new.keras", safe_mode=False)
    assert type(new.get_layer("bn")) is norms.LayerNormalization
    assert main(["inspect", "lambda.keras", "--unsafe"]) == 0


BAD = [
    ("inspect none.keras", "There is no file 'none.keras'"),
    ("inspect text.keras", "'text.keras' holds no model that can be read"),
    ("inspect lambda.keras", "has a Lambda layer"),
    ("inspect .", "There is no file '.'"),
    ("inspect", "MODEL"),
    ("replace lambda.keras --to group --out new.keras", "Add --unsafe"),
    ("replace model.keras --to group --out there.keras", "'there.keras' exists"),
    ("replace model.keras --to group --out new.h5", "should end in .keras"),
    ("replace model.keras --to group --out no/new.keras", "There is no folder 'no'"),
    ("replace model.keras --to grup --out new.keras", "argument --to: 'grup' is none"),
    ("replace model.keras --to group", "--out"),
    ("replace model.keras --to layer --groups 3 --out new.keras", "groups"),
    ("replace model.keras --to group --where zz --out new.keras", "`where` matches none"),
    ("replace model.keras --to group --where ( --out new.keras", "should be a regex"),
]


@once
@pytest.mark.parametrize(("command", "said"), BAD)
def test_one_clear_line_and_exit_code_2(folder, capsys, command, said):
    check_refused(folder, capsys, command, said)
