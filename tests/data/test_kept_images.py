"""No image is decoded twice, and what is kept is what was decoded."""

import collections
import copy
import os
import pathlib
import tempfile
import threading
import time
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from backends import once

from kerasnorm.data import _pictures, pipelines
from kerasnorm.data._kept_folder import kept_folder
from kerasnorm.data._kept_rows import KeptRows
from kerasnorm.data._rows_in_memory import RowsInMemory
from kerasnorm.data._rows_on_disk import RowsOnDisk
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


@pytest.mark.parametrize("memory", [2**30, 1000])
def test_the_values_are_those_of_decoding_each_time(folder, decoded, memory, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
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


@pytest.mark.usefixtures("without_tracing")
def test_training_decodes_each_image_once(folder, decoded):
    files = ImageFolder(folder / "classes", 8)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    train, validation = files.subset(np.arange(12) % 3 > 0), files.subset(np.arange(12) % 3 == 0)
    recipe = Recipe(imbalance="resample", transfer_settings={"head_epochs": 1})
    for seed in range(2):
        arguments = {"epochs": 2, "verbose": 0, "seed": seed, "batch_size": 4}
        fit(recipe, model, train, validation, test=validation, jit_compile=False, **arguments)
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


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    if request.param == "memory":
        return RowsInMemory(40, (3,), "int32")
    return RowsOnDisk(tmp_path, "key", 40, (3,), "int32")


def test_threads_share_what_they_make(store):
    made, barrier = collections.Counter(), threading.Barrier(6)

    def make(index):
        made[index] += 1
        return np.full(3, index)

    rows = KeptRows(make, store)
    found = []

    def read(seed):
        indices = np.random.default_rng(seed).integers(0, 40, 200)
        barrier.wait()
        found.append((rows.read(indices)[:, 2] == indices).all())

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert found == [True] * 6 and set(made.values()) == {1}


def test_a_full_disk_is_said_and_rows_are_made_again(monkeypatch, tmp_path):
    monkeypatch.setattr("kerasnorm.data._kept_folder._OF_FREE", 0)
    store = RowsOnDisk(tmp_path, "key", 9, (2,), "int32")
    rows = KeptRows(lambda index: np.full(2, index), store)
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


def test_a_later_run_decodes_nothing(folder, decoded):
    expected = images_of(ImageFolder(folder / "classes", 8, kept_in=folder / "kept"))
    decoded.clear()
    again = ImageFolder(folder / "classes", 8, kept_in=folder / "kept")
    np.testing.assert_array_equal(images_of(again), expected)
    scenes = [SegmentationFolder(folder / "scenes", 8, kept_in=folder / "kept") for _ in range(2)]
    (x, y), (x_again, y_again) = (each.gatherer()(tf.constant([3, 5])) for each in scenes)
    np.testing.assert_array_equal(x, x_again)
    np.testing.assert_array_equal(y, y_again)
    assert {pathlib.Path(path).parent.name for path, _ in decoded} == {"images"}
    assert list(decoded.values()) == [1, 1]
    assert len([*(folder / "kept").iterdir()]) == 3  # of classes, images and masks


def replace(path):
    """Writes another picture of the same size, as one second later."""
    date = path.stat().st_mtime_ns
    keras.utils.save_img(path, np.full((11, 17, 3), 7), scale=False)
    os.utime(path, ns=(date + 10**9, date + 10**9))


CHANGES = {
    "a picture": lambda classes, size: replace(classes / "a/00.png"),
    "a date": lambda classes, size: os.utime(classes / "a/00.png", (5, 5)),
    "a file less": lambda classes, size: (classes / "a/00.png").unlink(),
    "another size": lambda classes, size: size.append(6),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_decoded_anew(change, folder, decoded):
    classes, size = folder / "classes", [8]
    images_of(ImageFolder(classes, 8, kept_in=folder / "kept"))
    decoded.clear()
    CHANGES[change](classes, size)
    found = images_of(ImageFolder(classes, size[-1], kept_in=folder / "kept"))
    np.testing.assert_array_equal(found, images_of(ImageFolder(classes, size[-1])))
    assert len(decoded) == len(found)


def overwrite(path, at, content):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(content)


DAMAGES = {  # and how many rows of 12 are lost; each has 192 bytes, from the second page on
    "a row": (lambda path: overwrite(path, 8192 + 5 * 192, b"\1\2"), 1),
    "two rows that never reached the disk": (
        lambda path: overwrite(path, 8192 + 192, bytes(2 * 192)),
        2,
    ),
    "the checksums": (lambda path: overwrite(path, 4096, bytes(48)), 12),
    "the header": (lambda path: overwrite(path, 0, b"?"), 12),
    "cut": (lambda path: os.truncate(path, 8500), 12),
    "empty": (lambda path: os.truncate(path, 0), 12),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_damaged_is_decoded_anew(damage, folder, decoded):
    expected = images_of(ImageFolder(folder / "classes", 8, kept_in=folder / "kept"))
    spoil, lost = DAMAGES[damage]
    spoil(next((folder / "kept").iterdir()))
    for count in (lost, 0):
        decoded.clear()
        again = images_of(ImageFolder(folder / "classes", 8, kept_in=folder / "kept"))
        np.testing.assert_array_equal(again, expected)
        assert len(decoded) == count


def test_two_processes_at_once_write_one_file(tmp_path):
    """Each finds what the other wrote, and one that has lost its file has its rows."""
    one, other = (RowsOnDisk(tmp_path, "key", 4, (2,), "int32") for _ in range(2))
    child = os.fork()
    if not child:
        one.put(1, np.array([3, 4]))
        os._exit(0)
    os.waitpid(child, 0)
    assert other.has(1) and other.get(1).tolist() == [3, 4] and not other.has(2)
    next(tmp_path.iterdir()).unlink()
    again = RowsOnDisk(tmp_path, "key", 4, (2,), "int32")
    assert other.put(0, np.array([5, 6])) and other.get(0).tolist() == [5, 6]
    assert not again.has(0) and not again.has(1)


def test_what_no_run_has_opened_for_long_goes(tmp_path, monkeypatch):
    def make(key):
        store = RowsOnDisk(tmp_path, key, 4, (1000,), "int32")
        store.put(0, np.zeros(1000))

    for days, key in ((50, "old"), (20, "less"), (1, "new")):
        make(key)
        date = time.time() - 24 * 3600 * days
        os.utime(tmp_path / f"{key}.kept-images", (date, date))
    make("now")
    assert {path.stem for path in tmp_path.iterdir()} == {"less", "new", "now"}
    os.utime(tmp_path / "now.kept-images", (time.time() + 9,) * 2)

    def usage(folder):  # of a disk that has room once one of them is gone
        return types.SimpleNamespace(free=90_000 - 20_000 * len(list(folder.iterdir())))

    monkeypatch.setattr("shutil.disk_usage", usage)
    make("another")
    assert {path.stem for path in tmp_path.iterdir()} == {"new", "now", "another"}


def test_a_folder_of_somebody_else_is_refused(tmp_path, monkeypatch):
    """Anybody may write into the temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert kept_folder(None).stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    (tmp_path / "kerasnorm-12345").mkdir()
    with pytest.raises(PermissionError, match="kept_in"):
        kept_folder(None)
