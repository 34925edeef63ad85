"""No image is decoded twice, and what is kept is what was decoded."""

import collections
import copy
import pathlib
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from backends import once

from kerasnorm.data import _pictures, pipelines
from kerasnorm.data._kept_rows import KeptRows
from kerasnorm.imbalance import ImageFolder, SegmentationFolder, resample
from kerasnorm.recipe import Recipe, fit

pytestmark = once

Y = np.repeat([0, 1], [9, 3])


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for row, label in enumerate(Y):
        image = rng.integers(0, 256, (11 + row, 17, 3)).astype("uint8")
        for path, pixels in (
            (tmp_path / "classes" / "ab"[label] / f"{row:02}.png", image),
            (tmp_path / "scenes" / "images" / f"{row:02}.png", image),
            (tmp_path / "scenes" / "masks" / f"{row:02}.png", image[:, :, :1] % 2),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            keras.utils.save_img(path, pixels, scale=False)
    return tmp_path


@pytest.fixture
def decoded(monkeypatch):
    """How often each path is decoded at each size."""
    counts, original = collections.Counter(), _pictures.load_image

    def load_image(path, size):
        counts[path, size] += 1
        return original(path, size)

    for module in ("_image_files", "_segmentation_folder"):
        monkeypatch.setattr(f"kerasnorm.data.{module}.load_image", load_image)
    return counts


def by_tensorflow(paths, size):
    """The same, decoded and resized by TensorFlow, to the nearest whole number."""

    def load(path):
        image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        return tf.image.resize(image, (size, size), antialias=True)

    return np.stack([load(path) for path in paths.tolist()]).round()


def images_of(files):
    rows = np.arange(files.size)
    return np.concatenate([x for x, _ in pipelines.gathered(files.gatherer(), rows, 5)])


@pytest.mark.parametrize("memory", [2**30, 1000, 0])
def test_the_values_are_those_of_decoding_each_time(folder, decoded, memory):
    files = ImageFolder(folder / "classes", 8, memory=memory)
    expected = images_of(files)
    np.testing.assert_allclose(expected, by_tensorflow(files.paths, 8), atol=1)
    np.testing.assert_array_equal(images_of(files), expected)
    part = files.subset(files.labels == 1).subset([2, 0])
    np.testing.assert_array_equal(images_of(part), expected[[11, 9]])
    assert set(decoded.values()) == {1}
    other = files.subset([3, 4], image_size=6)
    np.testing.assert_allclose(images_of(other), by_tensorflow(files.paths[[3, 4]], 6), atol=1)
    np.testing.assert_array_equal(images_of(copy.deepcopy(part)), expected[[11, 9]])


def test_training_decodes_each_image_once(folder, decoded):
    files = ImageFolder(folder / "classes", 8)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    train, validation = files.subset(np.arange(12) % 3 > 0), files.subset(np.arange(12) % 3 == 0)
    recipe = Recipe(imbalance="resample", transfer_settings={"head_epochs": 1})
    for seed in range(2):
        arguments = {"epochs": 3, "verbose": 0, "seed": seed, "batch_size": 4}
        fit(recipe, model, train, validation, test=validation, **arguments)
    assert {path for path, _ in decoded} == set(files.paths)
    assert set(decoded.values()) == {1}


def test_scenes_are_read_once(folder, decoded, monkeypatch):
    scenes = SegmentationFolder(folder / "scenes", 8)
    first, labels = scenes.labels, scenes.subset([1, 5], image_size=4).gatherer()(tf.constant([1]))
    assert first.shape == (12, 2) and labels[1].shape == (1, 4, 4)
    gather = scenes.gatherer()
    x, y = gather(tf.constant([5, 5, 0]))
    monkeypatch.setattr("kerasnorm.data._segmentation_folder.read_mask", None)
    again = gather(tf.constant([0, 5]))
    np.testing.assert_array_equal(again[0], x.numpy()[[2, 0]])
    np.testing.assert_array_equal(again[1], y.numpy()[[2, 0]])
    assert set(decoded.values()) == {1}


def test_an_unreadable_image_is_named_and_tried_again(folder):
    files = ImageFolder(folder / "classes", 8)
    path = pathlib.Path(files.paths[3])
    whole = path.read_bytes()
    path.write_bytes(b"no image")
    for _ in range(2):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"03\.png"):
            images_of(files)
    path.write_bytes(whole)
    np.testing.assert_allclose(images_of(files), by_tensorflow(files.paths, 8), atol=1)


def test_threads_share_what_they_make():
    made, barrier = collections.Counter(), threading.Barrier(6)

    def make(index):
        made[index] += 1
        return np.full(3, index)

    rows = KeptRows(make, 40, (3,), "int32", memory=60)
    found = []

    def read(seed):
        indices = np.random.default_rng(seed).integers(0, 40, 200)
        barrier.wait()
        found.append((rows.read(indices)[:, 2] == indices).all())

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert found == [True] * 6 and set(made.values()) == {1}


def test_a_full_disk_is_said_and_rows_are_made_again(monkeypatch):
    monkeypatch.setattr("kerasnorm.data._kept_rows._OF_FREE", 0)
    rows = KeptRows(lambda index: np.full(2, index), 9, (2,), "int32", memory=16)
    with pytest.warns(UserWarning, match="TMPDIR"):
        found = rows.read(np.arange(9))
    np.testing.assert_array_equal(found[:, 0], np.arange(9))
    np.testing.assert_array_equal(rows.read(np.array([8, 0, 8]))[:, 1], [8, 0, 8])


def test_resampled_batches_decode_each_image_once(folder, decoded):
    files = ImageFolder(folder / "classes", 8)
    dataset = resample(files, batch_size=4, seed=1)
    for _ in range(3):
        list(dataset)
    assert set(decoded.values()) == {1}
