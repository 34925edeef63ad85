"""What Pillow decodes, what stands in for damaged images, and which files are equal."""

import shutil

import numpy as np
import pytest
from backends import once
from PIL import Image

from kerasnorm.data import equal_files, picture_sizes
from kerasnorm.data._pictures import load_image
from kerasnorm.imbalance import ImageFiles, ImageFolder, ImageTable, count_classes

pytestmark = once

PIXELS = np.zeros((12, 16, 3), "uint8")
PIXELS[:, :8, 0], PIXELS[6:, :, 1] = 250, 120  # red to the left, green below
EXPECTED = np.asarray(Image.fromarray(PIXELS).resize((8, 8), Image.Resampling.BILINEAR))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *[(f"a.{suffix}", {}) for suffix in ("png", "bmp", "tiff", "TIF")],
        ("a.webp", {"lossless": True}),
        ("a.jpg", {"quality": 100, "subsampling": 0}),
        ("a.jpeg", {"quality": 100, "subsampling": 0}),
    ],
)
def test_formats(name, settings, tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / name, **settings)
    found = load_image(str(tmp_path / name), 8)
    assert found.dtype == "uint8"
    np.testing.assert_allclose(found.astype(int), EXPECTED, atol=6 if "jp" in name else 0)


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK", "LA", "L", "1"])
def test_modes(mode, tmp_path):
    image = Image.fromarray(PIXELS).convert(mode)
    image.save(tmp_path / "a.tiff")
    expected = np.asarray(image.convert("RGB").resize((8, 8), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(
        load_image(str(tmp_path / "a.tiff"), 8).astype(int), expected, atol=1
    )


@pytest.mark.parametrize("suffix", ["png", "tiff"])
@pytest.mark.parametrize("size", [4, 16])
def test_16_bits(suffix, size, tmp_path):
    """The upper 8 are kept: clipped at 255 nearly all would be white."""
    values = (np.arange(256, dtype="uint16").reshape(16, 16) * 257).astype("uint16")
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    eight = Image.fromarray((values >> 8).astype("uint8"))
    expected = np.asarray(eight.resize((size, size), Image.Resampling.BILINEAR))
    found = load_image(str(tmp_path / f"a.{suffix}"), size)
    np.testing.assert_allclose(
        found, np.repeat(expected[..., None], 3, axis=-1), atol=5 if size < 16 else 0
    )


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_their_exif_says(orientation, suffix, tmp_path):
    """Cameras store what they see, and how they were held."""
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # to how it is stored, from how it is seen
    seen, exif = Image.fromarray(PIXELS), Image.Exif()
    exif[0x0112] = orientation
    stored = seen if orientation == 1 else seen.transpose(Image.Transpose(turns[orientation]))
    lossless = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}
    stored.save(tmp_path / f"a.{suffix}", exif=exif, **lossless.get(suffix, {}))
    found = load_image(str(tmp_path / f"a.{suffix}"), 8).astype(int)
    np.testing.assert_allclose(found, EXPECTED, atol=8 if suffix == "jpg" else 0)


def test_a_large_photograph_is_decoded_at_about_the_size_that_is_needed(tmp_path):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), "uint8"))
    coarse.resize((1600, 1200), Image.Resampling.BICUBIC).save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as whole:
        expected = np.asarray(whole.resize((96, 96), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(load_image(str(tmp_path / "a.jpg"), 96) - expected).mean() < 2


def test_sizes_are_of_headers(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"none")
    assert picture_sizes([str(tmp_path / "a.png"), str(tmp_path / "b.png")]) == [(12, 16)]


def test_equal_files(tmp_path):
    """Of files of one length, one end, one content."""
    contents = {"a": b"x" * 9000, "b": b"y" + b"x" * 8999, "c": b"x" * 9000, "d": b"", "e": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in [*contents, "none"]]
    assert equal_files(paths) == [[0, 2], [3, 4]]


@pytest.fixture
def folder(tmp_path):
    for index in range(8):
        path = tmp_path / "photos" / ("cat", "dog")[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((9, 9, 3), 10 * index, "uint8")).save(path)
    return tmp_path / "photos"


def cut(path):
    """Leaves what says that it is a PNG."""
    path.write_bytes(path.read_bytes()[:20])


def read(files, rows):
    x, y = files.gatherer()(np.array(rows))
    return x.numpy()[:, 0, 0, 0].tolist(), y.numpy().tolist()


def test_headers_alone_are_read_of_many_files(folder):
    cut(folder / "cat/2.png")
    (folder / "dog/3.png").write_bytes(b"no image")
    files = ImageFolder(folder, 4)
    names = np.array([path[-5] for path in files.paths])
    assert names[~files.readable()].tolist() == ["2", "3"]
    assert names[~files.readable(decoded=7)].tolist() == ["3"]


def test_another_image_of_the_class_stands_in_for_a_damaged_one(folder):
    """And keeps each row where it is; a warning names it once."""
    cut(folder / "cat/2.png")
    files = ImageFolder(folder, 4)
    assert [path[-5] for path in files.paths] == list("02461357")
    files = files.subset([0, 1, 2, 4, 5]).with_stand_ins()
    with pytest.warns(UserWarning, match=r"cat/2\.png.*stands in") as warned:
        assert read(files, [0, 1, 4]) == ([0, 40, 30], [0, 0, 1])
    assert read(files.subset([1, 3]), [0, 1]) == ([40, 10], [0, 1])
    assert len(warned) == 1
    for name in ("0", "4", "6"):
        cut(folder / f"cat/{name}.png")
    with pytest.raises(Exception, match="No image of a class could be decoded"):
        read(ImageFolder(folder, 4).with_stand_ins(), [0])


def test_the_parts_of_a_folder(folder, tmp_path):
    for part in ("train", "valid", "test"):
        shutil.copytree(folder, tmp_path / "split" / part)
    shutil.rmtree(tmp_path / "split/test/dog")
    (tmp_path / "split/train/cat/._0.png").write_bytes(b"hidden")
    (tmp_path / "split/train/cat/.cache").mkdir()
    Image.fromarray(PIXELS).save(tmp_path / "split/train/cat/.cache/1.png")
    (tmp_path / "split/notes").mkdir()
    files = ImageFolder(tmp_path / "split", 4)
    assert files.class_names == ("cat", "dog") and files.counts() == {"cat": 12, "dog": 8}
    names, counts = np.unique(files.parts, return_counts=True)
    assert dict(zip(names, counts, strict=True)) == {"train": 8, "validation": 8, "test": 4}
    assert files.subset(files.parts == "test").labels.tolist() == [0] * 4
    assert count_classes(tmp_path / "split").counts.tolist() == [12, 8]
    assert list(files.skipped) == ["folders beside the parts ('notes')"]


def test_classes_that_are_called_like_parts(folder, tmp_path):
    """A train is a vehicle: its folder has no folders of classes."""
    shutil.copytree(folder / "cat", tmp_path / "vehicles/train")
    shutil.copytree(folder / "dog", tmp_path / "vehicles/test")
    assert ImageFolder(tmp_path / "vehicles", 4).class_names == ("test", "train")


def test_what_is_skipped_is_counted_by_its_suffix(folder):
    for name in ("cat/a.heic", "cat/b.HEIC", "dog/c.txt", "dog/d", "e.png"):
        (folder / name).write_bytes(b"")
    skipped = ImageFolder(folder, 4).skipped
    assert skipped.pop(f"images in no class's folder, in {str(folder)!r}") == 1
    assert dict(skipped) == {".heic": 2, ".txt": 1, "without a suffix": 1}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_tables(separator, folder):
    rows = [
        "file;kind;part;patient",
        *(
            f"photos/{'cat' if i % 2 == 0 else 'dog'}/{i}.png;"
            f"{i % 2};{('train', 'Val', 'test', 'training')[i // 2]};p{i % 3}"
            for i in range(8)
        ),
    ]
    path = folder.parent / "table.csv"
    path.write_text("\n".join(rows).replace(";", separator))
    table = ImageTable(path, 4, "file", "kind", split_column="part", group_column="patient")
    assert table.class_names == ("0", "1") and table.labels.tolist() == [0, 1] * 4
    expected = ["train"] * 2 + ["validation"] * 2 + ["test"] * 2 + ["train"] * 2
    assert table.parts.tolist() == expected
    assert table.groups.tolist() == [f"p{i % 3}" for i in range(8)]
    assert ImageTable(path, 4, "file", "kind").parts is None


def test_columns_of_usual_names_are_read(folder):
    path = folder.parent / "table.csv"
    path.write_text(
        "path,label,split,group\nphotos/cat/0.png,a,train,x\nphotos/dog/1.png,b,dev,y\n"
    )
    table = ImageTable(path, 4)
    assert (table.parts.tolist(), table.groups.tolist()) == (["train", "validation"], ["x", "y"])
    assert count_classes(path).labels == ("a", "b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,label\nphotos/cat/0.png,a|b\n", "Line 2 .*several classes, 'a|b'"),
        ("path,label\nphotos/cat/0.png,a; b\n", "Line 2 .*several classes"),
        ("path,label,split\nphotos/cat/0.png,a,later\n", "Line 2 .*train, val or test.*'later'"),
        ("path,label,split\nphotos/cat/0.png,a,\n", "Line 2 .*train, val or test.*''"),
        (
            "image,class\nphotos/cat/0.png,a\n",
            "columns 'path', 'label'. Received: image, class",
        ),
    ],
)
def test_tables_that_are_refused(text, said, folder):
    path = folder.parent / "table.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        ImageTable(path, 4)


def test_parts_and_groups_are_one_for_each_image():
    with pytest.raises(ValueError, match="`parts` should have an entry for each of the 2 images"):
        ImageFiles(["a.png", "b.png"], [0, 1], "ab", 4, parts=["train"])
