"""Images and masks in two folders: paired, resized, counted, drawn."""

import keras
import numpy as np
import pytest
from PIL import Image

from kerasnorm.imbalance import (
    LovaszSoftmax,
    SegmentationFolder,
    class_weights,
    count_classes,
    resample,
)

pytestmark = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="reads by tf.data")
RNG = np.random.default_rng(0)
SCENES = {
    name: (RNG.integers(0, 255, (9, 14, 3), "uint8"), RNG.integers(0, top, (9, 14), "uint8"))
    for name, top in (("a", 2), ("b", 2), ("c", 3), ("d", 1))
}


@pytest.fixture
def folder(tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for name, (image, mask) in SCENES.items():
        Image.fromarray(image).save(tmp_path / "images" / f"{name}.png")
        picture = Image.fromarray(mask)
        if name == "b":  # indices into a palette, whose colours mean nothing
            picture = Image.fromarray(mask, mode="P")
            picture.putpalette([200, 10, 10, 10, 10, 200] + [0] * 762)
        picture.save(tmp_path / "masks" / f"{name}.png")
    return tmp_path


@pytest.mark.parametrize("size", [4, 9, 20])
def test_pairs_resized_to_the_nearest_pixel(folder, size):
    files = SegmentationFolder(folder, size)
    drawn = resample(files, weights=np.ones(4), batch_size=3)
    found = {}
    for x, y in drawn:
        assert x.shape[1:] == (size, size, 3) and y.dtype == "int64"
        for image, mask in zip(x.numpy(), y.numpy(), strict=True):
            expected = {
                name: np.asarray(Image.fromarray(m).resize((size, size), Image.Resampling.NEAREST))
                for name, (_, m) in SCENES.items()
            }
            (name,) = (key for key, each in expected.items() if np.array_equal(each, mask))
            found[name] = image
    assert set(found) == set(SCENES)
    if size == 9:
        means = {name: SCENES[name][0].mean() for name in SCENES}
        assert all(abs(found[name].mean() - means[name]) < 8 for name in SCENES)


def test_counts_and_classes(folder):
    files = SegmentationFolder(folder, 9)
    pixels = np.concatenate([mask.ravel() for _, mask in SCENES.values()])
    np.testing.assert_array_equal(count_classes(files).counts, np.bincount(pixels))
    np.testing.assert_array_equal(files.labels[:, 2], [False, False, True, False])
    assert files.labels.shape == (4, 3)
    assert SegmentationFolder(folder, 9, num_classes=5).labels.shape == (4, 5)
    left_out = SegmentationFolder(folder, 9, ignore_class=2)
    assert left_out.labels.shape == (4, 2)
    np.testing.assert_array_equal(count_classes(left_out).counts, np.bincount(pixels)[:2])


def test_a_subset_has_the_classes_of_all_and_the_pixels_of_its_own(folder):
    part = SegmentationFolder(folder, 9).subset([0, 3], image_size=4)
    pixels = np.concatenate([SCENES[name][1].ravel() for name in ("a", "d")])
    assert part.size == 2 and part.readable().all()
    np.testing.assert_array_equal(count_classes(part).counts, np.bincount(pixels, minlength=3))
    np.testing.assert_array_equal(part.labels, [[True, True, False], [True, False, False]])
    (x, y) = next(iter(resample(part, weights=np.ones(2), batch_size=2)))
    assert x.shape == (2, 4, 4, 3) and y.shape == (2, 4, 4)


def test_rare_classes_are_repeated_and_weighed_in_fit(folder):
    files = SegmentationFolder(folder, 8)
    drawn = resample(files, "repeat_factor", threshold=1.0, batch_size=2)
    repeats = [np.isin(2, mask).any() for _ in range(3) for _, y in drawn for mask in y.numpy()]
    assert np.mean(repeats) > 0.3  # of one image in four
    weighed = class_weights(count_classes(files)).map(drawn)
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 1)])
    model.compile("adam", LovaszSoftmax(), run_eagerly=True)
    assert np.isfinite(model.fit(weighed, epochs=2, shuffle=False, verbose=0).history["loss"]).all()


def save(folder, name, array):
    Image.fromarray(array).save(folder / name)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "masks" / "a.png").unlink(), "without the other: 'a'"),
        (lambda f: (f / "images" / "b.png").unlink(), "without the other: 'b'"),
        (lambda f: (f / "masks").rename(f / "labels"), "no folder"),
        (lambda f: [path.unlink() for path in (f / "images").iterdir()], "no pictures"),
        (lambda f: save(f, "images/a.jpg", SCENES["a"][0]), "have the name 'a'"),
        (lambda f: save(f, "masks/a.png", SCENES["a"][0]), "3 channels"),
        (lambda f: (f / "masks" / "a.png").write_bytes(b"text"), "could not be read"),
        (lambda f: save(f, "masks/a.png", np.full((2, 2), 255, "uint8")), "ignore_class=255"),
    ],
)
def test_wrong_input_is_refused(folder, spoil, said):
    spoil(folder)
    with pytest.raises(ValueError, match=said):
        _ = SegmentationFolder(folder, 8).labels
    if "255" in said:
        with pytest.raises(ValueError, match=r"Masks of 3 classes .* with label 255"):
            _ = SegmentationFolder(folder, 8, num_classes=3).labels
