"""The files in tutorial 08 are what the program in its text makes with TensorFlow Addons."""

import base64
import io
import os
import pathlib
import re
import tarfile
import textwrap

import numpy as np
import pytest
from test_old_files import hdf5

TUTORIAL = pathlib.Path(__file__).parents[2] / "tutorials" / "08_from_tensorflow_addons.py"
FILES = ("digits.h5", "own.h5", "code.h5", "found.npz")
PROGRAM = re.compile(r"^# ```python\n(.*?)^# ```$", re.DOTALL | re.MULTILINE)
EMBEDDED = re.compile(r'(?<=^OLD = """\n).*?(?=^""")', re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Returns the folder with what the program has written, and its names."""
    folder, names = tmp_path_factory.mktemp("new"), {}
    lines = PROGRAM.search(TUTORIAL.read_text(encoding="utf-8"))[1].splitlines()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec("\n".join(line[2:] for line in lines), names)
    if os.environ.get("REGENERATE"):
        text = EMBEDDED.sub(pack(folder), TUTORIAL.read_text(encoding="utf-8"))
        TUTORIAL.write_text(text, encoding="utf-8")
    return folder, names


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("old")
    content = base64.b64decode(EMBEDDED.search(TUTORIAL.read_text(encoding="utf-8"))[0])
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def pack(folder):
    """Returns files as text, the same each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=9) as archive:
        for name in FILES:
            content = (folder / name).read_bytes()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return "\n".join(textwrap.wrap(base64.b64encode(buffer.getvalue()).decode(), 96)) + "\n"


@pytest.mark.parametrize("name", FILES[:3])
def test_models_are_those_of_the_program(name, made, embedded):
    """Their trained weights aside: steps on another processor round otherwise."""
    new, old = hdf5(made[0] / name), hdf5(embedded / name)
    assert new.keys() == old.keys()
    for key, value in new.items():
        if isinstance(value, np.ndarray):
            assert (value.shape, value.dtype) == (old[key].shape, old[key].dtype)
        else:
            assert value == old[key]


def test_addons_computes_what_is_noted(made, embedded):
    names = made[1]
    with np.load(embedded / "found.npz") as file:
        noted = dict(file)
    model, tfa, (x, y) = names["model"], names["tfa"], (names["x"], names["y"])
    model.load_weights(embedded / "digits.h5")
    logits = noted["logits"][:8]
    now = names["found"] | {
        "logits": model.predict(x[1:41:2], verbose=0),
        "focal": tfa.losses.SigmoidFocalCrossEntropy(from_logits=True)(y[1:17:2], logits),
        "sparsemax": tfa.activations.sparsemax(0.3 * logits),
        "losses": [model.train_on_batch(x[:64:2], y[:64:2]) for _ in range(5)],
    }
    assert now.keys() == noted.keys()
    for name, value in noted.items():
        loose = name in ("group", "instance")  # errors, which are roundings
        limits = {"rtol": 1, "atol": 1e-5} if loose else {"rtol": 1e-4, "atol": 1e-5}
        np.testing.assert_allclose(now[name], value, **limits, err_msg=name)
