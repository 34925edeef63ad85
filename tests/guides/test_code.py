"""The Python of the README and the guides runs as it stands, but for sizes that make it quick."""

import re
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from backends import once
from guides.markdown import PAGES, code_in, name_of, text_of
from migrate.old_files import unpack

import kerasnorm as kn

QUICK = {"epochs": 1, "max_trials": 1, "image_size": 16, "batch_size": 128, "weights": None}
SMALLEST = {"README.md": {"image_size": 32}, "docs/few_images.md": {"image_size": 64}}
SLOW = {
    "README.md": pytest.mark.tutorial,
    "docs/several_gpus.md": pytest.mark.distributed,
    "docs/few_images.md": pytest.mark.tutorial,
    "docs/recipe.md": pytest.mark.tutorial,
}
WITH_CODE = [page for page in PAGES if code_in(text_of(page))]


def digits():
    x = np.random.default_rng(0).uniform(size=(80, 8, 8, 1)).astype("float32")
    return x, np.arange(80) % 10


def recipe():
    """A classifier and its examples, a network of label maps and its folder."""
    layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)]
    maps = [keras.layers.Conv2D(4, 1, strides=4), keras.layers.UpSampling2D(4)]
    scenes = [keras.Input((16, 16, 3)), *maps, keras.layers.Conv2D(2, 1)]
    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        folder = Path("scenes", name)
        folder.mkdir(parents=True)
        for number in range(240):
            picture = random.integers(2, size=(4, 4, 3 if name == "images" else 1))
            keras.utils.save_img(folder / f"{number}.png", picture, scale=False)
    return {
        "model": keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), *layers]),
        **dict(zip("xy", digits(), strict=True)),
        "validation": digits(),
        "test": digits(),
        "unet": keras.Sequential(scenes),
    }


def migrate():
    """Files of a model, and the same model again."""
    unpack("weight_norm", ".")
    for kind in ("_model.h5", ".weights.h5"):
        source = f"weight_norm{kind.removeprefix('_model')}"
        Path(source).rename(f"old{kind}")
    with h5py.File("old_model.h5") as file:
        Path("model.json").write_text(file.attrs["model_config"])
    shutil.copy("old_model.h5", "weights.h5")
    return {
        "rebuilt": keras.models.clone_model(kn.load_tfa_model("old_model.h5")),
        "MyLayer": keras.layers.Identity,
        "leaky": keras.activations.leaky_relu,
    }


def photos():
    """A folder of photographs."""
    for name in ("cat", "dog", "fox"):
        Path("photos", name).mkdir(parents=True)
        for number in range(10):
            keras.utils.save_img(f"photos/{name}/{number}.png", np.random.uniform(size=(8, 8, 3)))
    return {}


GIVEN = {  # what the pages take for granted
    "README.md": photos,
    "docs/recipe.md": recipe,
    "docs/from_tensorflow_addons.md": migrate,
}


def as_parameter(page):
    name = name_of(page)
    return pytest.param(page, id=name, marks=SLOW.get(name, ()))


@once
@pytest.mark.parametrize("page", [as_parameter(page) for page in WITH_CODE])
@pytest.mark.filterwarnings("ignore")
def test_code_runs(page, tmp_path, monkeypatch, without_tracing):
    monkeypatch.chdir(tmp_path)
    names = GIVEN.get(name_of(page), dict)()
    quick = QUICK | SMALLEST.get(name_of(page), {})
    for code in code_in(text_of(page)):
        for argument, value in quick.items():
            code = re.sub(rf'\b{argument}=(\d+|"imagenet")', f"{argument}={value}", code)
        program = compile(code, name_of(page), "exec")
        if "(...," not in code:  # a sketch, which says what to change in the block above
            exec(program, names)


def test_pages_that_are_given_something_are_there():
    assert {*GIVEN, *SLOW, *SMALLEST} <= {name_of(page) for page in WITH_CODE}
