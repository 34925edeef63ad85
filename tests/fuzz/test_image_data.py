"""Damaged folders and tables: either all that is in them or an error that names the file."""

import shutil

import keras
import numpy as np
import pytest
from fuzz.mutations import changed_bytes, dice_for, refusal
from PIL import Image

from kerasnorm.data import read_images, sound_images
from kerasnorm.data.splitting import split
from kerasnorm.imbalance import ImageTable
from kerasnorm.problems._scene_problem import SceneProblem

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="told on one backend"),
]
ENDINGS = ("png", "jpg", "bmp", "gif")
NAMES = ("", "\0", "..", "a/../b", "é", "x" * 300, '"', "#1", "None", "-1", "--1", "²", "1e3", " ")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Returns a folder with images of two classes, tables of them, and scenes with masks."""
    folder, rng = tmp_path_factory.mktemp("whole"), np.random.default_rng(0)
    for name in ("classes/cat", "classes/dog", "scenes/images", "scenes/masks"):
        (folder / name).mkdir(parents=True)
    rows = ["path,label"]
    for index in range(8):
        picture = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
        label, ending = ("cat", "dog")[index % 2], ENDINGS[index // 2]
        picture.save(folder / f"classes/{label}/{index}.{ending}")
        rows.append(f"{label}/{index}.{ending},{label}")
        picture.save(folder / f"scenes/images/{index}.png")
        mask = Image.fromarray(rng.integers(0, 3, (8, 8), np.uint8))
        if index % 2:
            mask.putpalette(rng.integers(0, 256, 768, np.uint8).tobytes())
        mask.save(folder / f"scenes/masks/{index}.{('png', 'gif', 'bmp', 'tif')[index // 2]}")
    (folder / "classes/rows.csv").write_text("\n".join(rows) + "\n")
    (folder / "scenes/classes.txt").write_text("sky\nroad\ncar\n")
    return folder


def damage(folder, dice):
    """Changes a file's bytes or name, or puts something else in its place."""
    path = dice.choice(sorted(each for each in folder.rglob("*") if each.is_file()))
    match dice.randrange(8):
        case 0:
            path.unlink()
        case 1:
            path.unlink()
            path.mkdir()
        case 2:
            path.rename(path.with_suffix(dice.choice((".png", ".PNG", ".tif", ".jpg", ".txt", ""))))
        case 3:
            path.unlink()
            path.symlink_to("nowhere.png")
        case 4:
            modes = ("1", "L", "P", "I", "I;16", "F", "RGBA", "CMYK", "LA")
            size = dice.choice(((8, 8), (1, 1), (1, 9), (300, 2)))
            kind = "tiff" if path.suffix == ".tif" else "png"
            try:
                Image.new(dice.choice(modes), size, 1).save(path, kind)
            except (OSError, ValueError):  # not every format has every mode
                path.write_bytes(b"")
        case _:
            path.write_bytes(changed_bytes(path.read_bytes(), dice))


def of_size_4(files):
    return files.subset(np.arange(files.size), image_size=4)


def read_classes(path):
    files, unreadable = sound_images(of_size_4(read_images(path)))
    assert files.readable().all() and len(files.class_names) == len(set(files.class_names))
    assert not set(unreadable) & set(files.paths)
    parts = split(files, 0.2, 0.2, seed=0)
    assert sorted(name for part in parts for name in part.paths) == sorted(files.paths)
    first = files.subset([0], image_size=4).gatherer()(np.array([0]))
    assert first[0].shape == (1, 4, 4, 3)


def read_scenes(path):
    task = SceneProblem(path, image_size=8, shares=(0.2, 0.2), ignore_class=255)
    for part in task.data(seed=0):
        x, y = part.gatherer()(np.arange(part.size))
        assert x.shape == (part.size, 8, 8, 3) and y.shape == (part.size, 8, 8)
        kept = y.numpy()[y.numpy() != 255]
        assert kept.min(initial=0) >= 0 and kept.max(initial=0) < len(task.classes)


@pytest.mark.parametrize(
    ("name", "read"),
    [("classes", read_classes), ("scenes", read_scenes)],
    ids=["classes", "scenes"],
)
def test_folders(whole, tmp_path, name, read):
    for dice in dice_for(60):
        folder = tmp_path / name
        shutil.copytree(whole / name, folder)
        for _ in range(dice.choice((1, 1, 3))):
            damage(folder, dice)
        refusal(read, folder)
        shutil.rmtree(folder)


def changed_rows(text, dice):
    """Returns a table with rows, fields or separators that are others."""
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(dice.choice((1, 2, 5))):
        row = dice.choice(rows)
        match dice.randrange(5):
            case 0:
                row[:] = row[: dice.randrange(3)]
            case 1:
                row.insert(dice.randrange(len(row) + 1), dice.choice(NAMES))
            case 2:
                rows.append(list(row))
            case _:
                row[dice.randrange(-len(row), 0) if row else slice(0)] = dice.choice(NAMES)
        rows = [each for each in rows if each] or [["path"]]
    return "\n".join(dice.choice((",", ",", ",", ";", "\t")).join(row) for row in rows)


def read_table(path):
    table = ImageTable(path, image_size=4)
    assert table.size and set(table.labels) == set(range(len(table.class_names)))


def test_tables(whole, tmp_path):
    shutil.copytree(whole / "classes", tmp_path / "classes")
    path, text = tmp_path / "classes/rows.csv", (whole / "classes/rows.csv").read_text()
    for dice in dice_for(200):
        content = changed_rows(text, dice).encode()
        path.write_bytes(changed_bytes(content, dice) if dice.random() < 0.5 else content)
        refusal(read_table, path)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("10", "-1", "9"), ("-1", "9", "10")),  # by their size
        (("²", "10", "9"), ("10", "9", "²")),
        (("--1", "10", "9"), ("--1", "10", "9")),
        (("1e3", "10", "9"), ("10", "1e3", "9")),
    ],
)
def test_what_numbers_are_in_a_table(whole, tmp_path, labels, names):
    image = next(whole.rglob("*.png"))
    rows = "".join(f"{image},{label}\n" for label in labels)
    (tmp_path / "rows.csv").write_text(f"path,label\n{rows}")
    assert ImageTable(tmp_path / "rows.csv", image_size=4).class_names == names
