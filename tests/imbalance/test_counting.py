"""count_classes and ClassCounts: every source gives the same counts, and nothing is guessed."""

import keras
import matplotlib
import numpy as np
import pytest
import tensorflow as tf

from kerasnorm.imbalance import ClassCounts, count_classes

matplotlib.use("Agg")

Y = np.array([2, 0, 0, 2, 0, 0, 3])  # no 1
COUNTS = [4, 0, 2, 1]
X = np.zeros((7, 5), "float32")
ONE_HOT = np.eye(4)[Y]
MULTILABEL = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
MAPS = np.full((3, 4, 4), 255, "uint8")
MAPS[0, :2] = 0  # 8 of class 0, alone in its image
MAPS[1, 0, :3] = [0, 1, 1]  # 1 of class 0 and 2 of class 1; class 2 nowhere; image 2 is ignored


def cifar_lt(classes, largest, ratio=100):
    return [int(largest * ratio ** (-i / (classes - 1))) for i in range(classes)]


def slices(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays)


class Batches(keras.utils.PyDataset):
    """Batches of (x, y) of two examples."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]


class Endless(Batches):
    num_batches = None


@pytest.mark.parametrize(
    "data",
    [
        Y,
        Y.tolist(),
        Batches(),
        lambda: iter(Batches()),
        lambda: ([x, y[:, None], y] for x, y in Batches()),
        lambda: iter(slices(X, Y).batch(3)),
        Y[:, None].astype("uint8"),
        Y.astype("float32"),
        (X, Y),
        (X, Y[:, None], np.ones(7)),
        ({"a": X}, Y),
        keras.ops.convert_to_tensor(Y),
        tf.constant(Y),
        ONE_HOT,
        ONE_HOT.astype(bool),
        ONE_HOT.astype("int8"),
        slices(X, Y),
        slices(X, Y).batch(2),
        slices(X, Y).batch(7, drop_remainder=True),
        slices(X, Y[:, None]),
        slices(X[:, :1], Y[:, None]),
        slices(X, Y[:, None]).batch(2),
        slices(X, Y, np.arange(7.0)).batch(3),
        slices(X, ONE_HOT.astype("float32")),
        slices(X, ONE_HOT.astype("int32")),
        slices(X, ONE_HOT).batch(3),
        slices({"a": X, "b": X[:, 0]}, Y).batch(3),
        slices(X, Y).batch(2).filter(lambda x, y: True),
    ],
)
def test_sources_agree(data):
    counts = count_classes(data() if callable(data) else data)
    assert counts.counts.dtype == np.int64
    assert counts.counts.tolist() == COUNTS
    assert counts.labels == (0, 1, 2, 3)
    assert counts.image_pixels is None
    assert counts.ratio == 4


@pytest.mark.parametrize("data", [Y, slices(X, Y).batch(2)])
def test_num_classes_keeps_absent_classes(data):
    assert count_classes(data, num_classes=6).counts.tolist() == [*COUNTS, 0, 0]


@pytest.mark.parametrize(
    "data", [MULTILABEL, MULTILABEL.astype("float32"), slices(X[:4], MULTILABEL).batch(3)]
)
def test_every_class_of_a_multilabel_row_counts(data):
    assert count_classes(data).counts.tolist() == [2, 3, 1]


@pytest.mark.parametrize(
    "data",
    [
        MAPS,
        MAPS[..., None],
        MAPS.astype("float32"),
        (np.zeros((3, 4, 4, 3)), MAPS),
        slices(np.zeros((3, 4, 4, 3)), MAPS),
        slices(np.zeros((3, 4, 4, 3)), MAPS[..., None]),
        slices(np.zeros((3, 4, 4, 3)), MAPS).batch(2),
        slices(np.zeros((3, 4, 4, 3)), MAPS).batch(3, drop_remainder=True),
    ],
)
def test_label_maps(data):
    counts = count_classes(data, num_classes=3, ignore_class=255)
    assert counts.counts.tolist() == [9, 2, 0]
    assert counts.image_pixels.tolist() == [8 + 3, 3, 0]
    assert counts.ignore_class == 255


def test_one_hot_maps_count_as_label_maps():
    maps = np.arange(24).reshape(2, 3, 4) // 8 % 3
    want = count_classes(maps)
    for got in (count_classes(np.eye(3)[maps]), count_classes(np.eye(3, dtype="uint8")[maps])):
        assert got.counts.tolist() == want.counts.tolist() == [8, 8, 8]
        assert got.image_pixels.tolist() == want.image_pixels.tolist() == [12, 24, 12]


def test_integer_maps_of_zero_and_one_are_no_one_hot():
    maps = np.array([[[0, 1], [1, 0]], [[1, 0], [0, 1]]])
    assert count_classes(maps).counts.tolist() == [4, 4]


def test_sequences_and_ignored_padding():
    y = np.array([[0, 1, -1], [1, 1, 2]])
    assert count_classes(y, ignore_class=-1).counts.tolist() == [1, 3, 1]
    assert count_classes(np.array([[0, 1], [1, -1]]), ignore_class=-1).counts.tolist() == [1, 2]


def test_a_later_batch_may_hold_larger_labels():
    y = np.array([[0, 2], [1, 2], [5, 0]])
    assert count_classes(slices(X[:3], y).batch(1)).counts.tolist() == [2, 1, 2, 0, 0, 1]


def save_masks(folder, mode):
    from PIL import Image

    for i, each in enumerate(MAPS):
        image = Image.fromarray(each, "L")
        if mode == "P":
            image.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
        image = image.convert(mode)
        image.save(folder / f"{i}.png")
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails" / "1.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("no mask")


@pytest.mark.parametrize("mode", ["L", "P"])
def test_a_folder_of_masks(tmp_path, mode):
    save_masks(tmp_path, mode)
    counts = count_classes(tmp_path, num_classes=3, ignore_class=255)
    assert counts.counts.tolist() == [9, 2, 0]
    assert counts.image_pixels.tolist() == [8 + 3, 3, 0]
    with pytest.raises(ValueError, match="Label 255"):
        count_classes(tmp_path)


def test_pictures_are_no_masks(tmp_path):
    save_masks(tmp_path, "RGB")
    with pytest.raises(ValueError, match=r"3 channels.*sub-folder"):
        count_classes(tmp_path)


def test_progress_is_shown_as_the_one_pass_goes_on(capsys):
    counted = []

    def look(y):
        counted.append(len(y))
        return y

    dataset = slices(X, Y).batch(2).map(lambda x, y: (x, tf.numpy_function(look, [y], y.dtype)))
    dataset = dataset.map(lambda x, y: (x, tf.ensure_shape(y, [None])))
    assert count_classes(dataset, verbose=1).counts.tolist() == COUNTS
    assert counted == [2, 2, 2, 1]
    assert "4/4" in capsys.readouterr().out
    count_classes(dataset)
    count_classes(iter(Batches()), verbose=0)
    assert not capsys.readouterr().out  # this is no terminal
    count_classes(iter(Batches()), verbose=1)
    assert "4/Unknown" in capsys.readouterr().out


@pytest.mark.parametrize("strings", [np.array(["b", "é", "b"]), np.array(["b", "é", "b"], object)])
def test_strings(strings):
    for data in (strings, slices(X[:3], strings), slices(X[:3], strings).batch(2)):
        counts = count_classes(data)
        assert counts.labels == ("b", "é")
        assert counts.counts.tolist() == [2, 1]


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_folder(tmp_path, as_path):
    files = ["cat/1.png", "cat/2.JPG", "cat/more/3.jpeg", "cat/notes.txt", "dog/1.bmp", "top.png"]
    for name in [*files, ".cache/1.png"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not an image")
    (tmp_path / "empty").mkdir()
    counts = count_classes(as_path(tmp_path))
    assert counts.labels == ("cat", "dog", "empty")
    assert counts.counts.tolist() == [3, 1, 0]
    with pytest.raises(ValueError, match="sub-folder"):
        count_classes(tmp_path / "dog")
    with pytest.raises(ValueError, match="no folder"):
        count_classes(tmp_path / "horse")
    with pytest.raises(ValueError, match="num_classes=2"):
        count_classes(tmp_path, num_classes=2)


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        ([0, -1, 1], {}, "Label -1 .*ignore_class=-1"),
        ([0, 255, 1], {}, "Label 255 .*ignore_class=255"),
        (np.where(MAPS == 0, 1, MAPS), {}, "Label 255"),
        (MAPS, {"num_classes": 3}, "Label 255 .* 0 to 2"),
        ([0, 3], {"num_classes": 3}, "Label 3 "),
        (slices(X, Y).batch(2), {"num_classes": 3}, "Label 3 "),
        (slices(X, Y - 1), {}, "Label -1"),
        (MAPS, {"ignore_class": 254}, "Label 255"),
        ([10**12], {}, "np.unique"),
        ([0.5, 1], {}, r"whole numbers. Received: 0\.5"),
        ([[0.5, 0.5], [1, 0]], {}, r"0\.5"),
        ([np.nan], {}, "whole"),
        ([], {}, "no labels"),
        (np.zeros((0, 3)), {}, "no labels"),
        (slices(X, Y).take(0), {}, "no labels"),
        ([7, 7], {"ignore_class": 7}, "no labels to count"),
        (np.zeros((3, 4)), {}, "no labels to count"),
        (None, {}, "NoneType"),
        (3, {}, "shape"),
        ({0: 5}, {}, "dict"),
        ([[0, 1], [2]], {}, "array"),
        ([0, None], {}, "object"),
        (np.array(["2020-01-01"], "datetime64[D]"), {}, "datetime64"),
        ((X, Y[1:]), {}, "as many"),
        ((X, np.array([["a", "b"]] * 7)), {}, "strings"),
        (["a", "b"], {"num_classes": 3}, "num_classes=3"),
        (["a", "b"], {"ignore_class": 0}, "ignore_class=0"),
        (ONE_HOT, {"num_classes": 3}, r"num_classes=3.*y\[\.\.\., None\]"),
        (ONE_HOT, {"ignore_class": 0}, "ignore_class=0 means nothing"),
        (slices(X[:2], [[0, 1], [1, 2]]).batch(1), {}, "0 and 1 only. Received: 2"),
        (slices(X, Y).repeat(), {}, "never ends"),
        (tf.data.Dataset.range(3), {}, "yield"),
        (slices(X, {"a": Y}), {}, "yield"),
        (Endless(), {}, "never ends"),
        (iter([X, X]), {}, r"tuples \(x, y\)"),
        (iter([(X, Y[1:])]), {}, "as many"),
        (iter([]), {}, "no labels"),
        (Y, {"verbose": 2}, "verbose"),
        (Y, {"num_classes": 0}, "num_classes"),
        (Y, {"num_classes": 2.5}, "num_classes"),
        (Y, {"ignore_class": "255"}, "ignore_class"),
    ],
)
def test_what_is_refused(data, arguments, message):
    with pytest.raises(ValueError, match=message):
        count_classes(data, **arguments)


def test_label_255_can_be_a_class():
    assert count_classes([255, 0], num_classes=256).counts[255] == 1


@pytest.mark.parametrize(
    ("counts", "total", "groups"),
    [(cifar_lt(100, 500), 10_847, (35, 35, 30)), (cifar_lt(10, 5000), 12_406, (8, 2, 0))],
)
def test_groups_of_long_tailed_cifar(counts, total, groups):
    counts = ClassCounts(counts)
    assert counts.counts.sum() == total
    assert tuple(map(len, counts.groups().values())) == groups
    grouped = [c for classes in counts.groups().values() for c in classes]
    assert sorted(grouped) == list(range(len(counts.counts)))


def test_groups_include_their_bounds_in_the_middle():
    groups = ClassCounts([101, 100, 20, 19, 0]).groups()
    assert groups == {"many": [0], "medium": [1, 2], "few": [3, 4]}
    assert ClassCounts([5, 3, 1]).groups(many=4, few=2) == {"many": [0], "medium": [1], "few": [2]}
    with pytest.raises(ValueError, match="many"):
        ClassCounts([1]).groups(many=2, few=3)


def test_describe_names_what_matters():
    text = ClassCounts([3, 300, 0], ("cat", "dog", "eel"), ignore_class=255).describe()
    lines = text.splitlines()
    assert lines[0] == "3 classes, 303 labels, ratio 100"
    assert "1 of the classes have no example" in text and "255" in text
    assert [line.split() for line in lines[-3:]] == [
        ["dog", "300", "99.01%", "many"],
        ["cat", "3", "0.99%", "few"],
        ["eel", "0", "0.00%", "few"],
    ]
    assert len(ClassCounts(range(1, 1001)).describe().splitlines()) < 30


def test_plot_draws_the_counts():
    ax = ClassCounts([3, 5, 1], ("a", "b", "c")).plot()
    assert [bar.get_height() for bar in ax.patches] == [5, 3, 1]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["b", "a", "c"]
    assert ClassCounts([3, 5, 1]).plot(ax) is ax
    assert ax.get_yscale() == "linear"


def test_plot_shows_rare_classes_and_long_names():
    ax = ClassCounts([1000, 2, 0, 5], tuple(f"a long class name {i}" for i in range(4))).plot()
    ax.figure.canvas.draw()
    assert ax.get_yscale() == "log"
    bar = ax.patches[2].get_window_extent()  # that of 2
    assert bar.height > 5
    assert {tick.get_rotation() for tick in ax.get_xticklabels()} == {45.0}


def test_counts_cannot_be_changed():
    source = np.array([1, 2])
    counts = ClassCounts(source)
    source[0] = 9
    assert counts.counts.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        counts.counts[0] = 3


@pytest.mark.parametrize("counts", [[], [0, 0], [-1, 2], [0.5], [[1, 2]], [np.inf], "ab", None])
def test_counts_that_are_none(counts):
    with pytest.raises(ValueError, match="whole numbers"):
        ClassCounts(counts)
