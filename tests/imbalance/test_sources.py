"""Sources on disk: what resample draws from them is what it draws from arrays."""

import gzip
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from backends import once

from kerasnorm.imbalance import ImageFolder, TFRecords, count_classes, resample

pytestmark = once

Y = np.repeat([0, 1, 2], [14, 4, 2])
X = np.arange(20 * 6, dtype="float32").reshape(20, 2, 3)


def batches(data, **arguments):
    """The batches of an epoch, as a list of arrays for each part of an example."""
    dataset = resample(data, batch_size=6, seed=3, **arguments)
    return [list(part) for part in zip(*dataset.as_numpy_iterator(), strict=True)]


def check_same_batches(found, expected, rtol=0):
    for a, b in zip(found, expected, strict=True):
        assert [(x.shape, x.dtype) for x in a] == [(x.shape, x.dtype) for x in b]
        np.testing.assert_allclose(np.concatenate(a), np.concatenate(b), rtol=rtol, atol=0)


def on_disk(path, array):
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def test_memory_mapped_arrays_stay_on_disk(tmp_path, monkeypatch):
    mapped = on_disk(tmp_path / "x.npy", X)
    touched = []
    original = np.memmap.__getitem__
    monkeypatch.setattr(
        np.memmap,
        "__getitem__",
        lambda self, key: touched.append(np.size(key)) or original(self, key),
    )
    data = ({"a": mapped, "b": X}, Y)
    dataset = resample(data, batch_size=6, seed=3)
    assert not touched
    expected = resample(({"a": X, "b": X}, Y), batch_size=6, seed=3)
    assert dataset.element_spec == expected.element_spec
    found = list(dataset.as_numpy_iterator())
    assert sum(touched) == 20  # the rows that were drawn
    for (x, y), (a, b) in zip(found, expected.as_numpy_iterator(), strict=True):
        np.testing.assert_array_equal(x["a"], a["a"])
        np.testing.assert_array_equal(x["b"], a["b"])
        np.testing.assert_array_equal(y, b)


@pytest.fixture
def folder(tmp_path):
    for i, c in enumerate(Y):
        image = np.full((4, 4, 3), 10 * i, "uint8")
        path = tmp_path / "images" / "abc"[c] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(path, image, scale=False)
    (tmp_path / "images" / "abc"[1] / "notes.txt").write_text("no image")
    return tmp_path / "images"


def test_image_folder(folder):
    images = ImageFolder(folder, image_size=2)
    assert images.class_names == ("a", "b", "c")
    np.testing.assert_array_equal(images.labels, Y)
    x = np.broadcast_to(10 * np.arange(20.0)[:, None, None, None], (20, 2, 2, 3))
    check_same_batches(batches(images), batches((x.astype("float32"), Y)), rtol=1e-6)
    assert count_classes(images).labels == ("a", "b", "c")
    assert count_classes(images).counts.tolist() == [14, 4, 2]


def test_image_folder_refuses(folder):
    with pytest.raises(ValueError, match="no folder"):
        ImageFolder(folder / "none", 2)
    with pytest.raises(ValueError, match="image_size"):
        ImageFolder(folder, (2, 2))
    (folder / "a" / "00.png").write_bytes(b"no image")
    with pytest.raises(tf.errors.InvalidArgumentError):
        batches(ImageFolder(folder, 2), weights=np.eye(20)[0])


def write(path, x=X, y=Y, options=None):
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for a, b in zip(x, y, strict=True):
            feature = {
                "x": tf.train.Feature(bytes_list=tf.train.BytesList(value=[a.tobytes()])),
                "y": tf.train.Feature(int64_list=tf.train.Int64List(value=[b])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())
    return path


def parse(record):
    features = {"x": tf.io.FixedLenFeature([], tf.string), "y": tf.io.FixedLenFeature([], tf.int64)}
    example = tf.io.parse_single_example(record, features)
    return tf.ensure_shape(
        tf.reshape(tf.io.decode_raw(example["x"], tf.float32), (2, 3)), (2, 3)
    ), example["y"]


@pytest.mark.parametrize("files", [1, 2])
def test_tf_records(tmp_path, files):
    """Twice: with an index that is made, and with one that is found."""
    paths = [write(tmp_path / "a", X[:12], Y[:12]), write(tmp_path / "b", X[12:], Y[12:])]
    if files == 1:
        paths = write(tmp_path / "all")
    for _ in range(2):
        records = TFRecords(paths, parse)
        np.testing.assert_array_equal(records.labels, Y)
        check_same_batches(batches(records), batches((X, Y)))
    assert count_classes(records).counts.tolist() == [14, 4, 2]
    assert len(list(tmp_path.glob("*.index.npz"))) == files


def other_labels(record):
    x, y = parse(record)
    return x, 2 - y


def other_bytes(path, end=None):
    """Changes the file, and neither its length nor its time unless `end` shortens it."""
    before = os.stat(path)
    content = path.read_bytes()[:end]
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        lambda path: write(path, X[::-1], Y[::-1]),  # as long as before
        lambda path: os.utime(path, (0, 0)),
        lambda path: other_bytes(path, -100),
        lambda path: other_labels,
    ],
    ids=["rewritten", "touched", "shortened", "parsed otherwise"],
)
def test_a_stale_index_is_refused(tmp_path, change):
    path = write(tmp_path / "a")
    TFRecords(path, parse)
    changed = change(path)
    with pytest.raises(ValueError, match="Delete the index"):
        TFRecords(path, changed if callable(changed) else parse)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda whole: whole[:-1], "cut off"),
        (lambda whole: whole[:5], "cut off"),
        (lambda whole: b"", "empty"),
        (gzip.compress, "compressed"),
        (lambda whole: whole[:40] + b"?" + whole[41:], "could not be read"),
    ],
    ids=["end cut off", "header cut off", "empty", "gzip", "damaged"],
)
def test_other_files_are_refused_and_leave_no_index(tmp_path, content, message):
    path = write(tmp_path / "a")
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(ValueError, match=message):
        TFRecords(path, parse)
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("paths", "parse", "message"),
    [
        (["a"], lambda record: parse(record)[0], "tuple"),
        (["a"], lambda record: parse(record)[::-1], "class number"),
        ([], parse, "at least one"),
        (["none"], parse, "no TFRecord file"),
    ],
)
def test_tf_records_refuse(tmp_path, paths, parse, message):
    write(tmp_path / "a")
    with pytest.raises(ValueError, match=message):
        TFRecords([tmp_path / path for path in paths], parse)
