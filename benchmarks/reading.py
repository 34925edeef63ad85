"""How long a folder takes to be ready to train on, by its number of images, and its first epochs.

    python benchmarks/reading.py [--files 1000 10000 100000] [--folder FOLDER] [--keras]
                                 [--decoded 1000] [--pixels 480 640] [--image-sizes 96 160 224]

Ready: all files are found, looked at, compared with one another and split, as `kerasnorm fit` does
before its first step. Beside it `image_dataset_from_directory`, which only finds them. The files
are small JPEGs of different lengths, written to the folder, a temporary one by default.

Epochs: JPEGs, by default of 480 × 640 pixels, read with each of the sizes in a first epoch, a later
one, and the first of a later run, which finds the file of `kept_in`. Both readers take turns; the
figures are medians of three. The ratio is ours over Keras'.
"""

import argparse
import io
import resource
import statistics
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from kerasnorm.data import pipelines, read_images
from kerasnorm.imbalance import ImageFolder
from kerasnorm.problems import FolderProblem

BATCH_SIZE, CLASSES = 32, 20


def write_small(folder: Path, count: int) -> None:
    """Writes small JPEGs, none like another: what follows the image in a file is not read."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8")
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG")
    for label in range(CLASSES):
        (folder / f"{label:02}").mkdir(parents=True)
    for index in range(count):
        more = str(index).encode().rjust(8 + index % 997)
        path = folder / f"{index % CLASSES:02}" / f"{index:07}.jpg"
        path.write_bytes(content.getvalue() + more)


def write_large(folder: Path, count: int, height: int, width: int) -> None:
    """Writes smooth noise as JPEGs in two classes."""
    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (30, 40, 3), "uint8"))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), float)
        image = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype("uint8")
        path = folder / "ab"[index % 2] / f"{index:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, quality=85)


def seconds_until_ready(folder: Path) -> float:
    """Returns how long `kerasnorm fit` needs for the folder before it trains."""
    begin = time.perf_counter()
    problem = FolderProblem(read_images(folder), image_size=64)
    problem.described(0)
    problem.doubts()
    return time.perf_counter() - begin


def seconds_of_keras(folder: Path) -> float:
    """Returns how long Keras needs to find the files."""
    begin = time.perf_counter()
    keras.utils.image_dataset_from_directory(folder, image_size=(64, 64), verbose=False)
    return time.perf_counter() - begin


def ours(folder: Path, size: int) -> tuple[float, float, float]:
    """Returns the images a second of two epochs, and of the first one of a later run."""
    files = ImageFolder(folder, size)
    first, second = (of_an_epoch(files, epoch) for epoch in range(2))
    with tempfile.TemporaryDirectory() as kept:
        runs = [of_an_epoch(ImageFolder(folder, size, kept_in=kept), epoch) for epoch in range(2)]
    return first, second, runs[1]


def of_an_epoch(files: ImageFolder, epoch: int) -> float:
    """Returns the images a second of an epoch."""
    rows = np.random.default_rng(epoch).permutation(files.size)
    begin = time.perf_counter()
    count = sum(len(x) for x, _ in pipelines.gathered(files.gatherer(), rows, BATCH_SIZE))
    return count / (time.perf_counter() - begin)


def of_keras(folder: Path, size: int) -> float:
    """Returns the images a second of an epoch."""
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=(size, size), batch_size=BATCH_SIZE, seed=0, verbose=False
    )
    begin = time.perf_counter()
    count = sum(len(x) for x, _ in dataset)
    return count / (time.perf_counter() - begin)


def print_ready(folder: Path, counts: list[int], beside_keras: bool) -> None:
    """Prints a row for each number of files."""
    print("| files | ready, s | Keras finds them, s | memory, MB |\n|---|---|---|---|")
    for count in counts:
        files = folder / str(count)
        if not files.exists():
            write_small(files, count)
        ready = seconds_until_ready(files)
        found = f"{seconds_of_keras(files):.2f}" if beside_keras else ""
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {count} | {ready:.2f} | {found} | {memory:.0f} |", flush=True)


def print_epochs(folder: Path, sizes: list[int], repeats: int = 3) -> None:
    """Prints a row for each size."""
    columns = ("size", "Keras, images/s", "first epoch", "ratio", "later ones", "ratio")
    print("\n| " + " | ".join((*columns, "later run", "ratio")) + " |")
    print("|---|---|---|---|---|---|---|---|")
    for size in sizes:
        turns = [(of_keras(folder, size), *ours(folder, size)) for _ in range(repeats)]
        theirs, *found = (statistics.median(column) for column in zip(*turns, strict=True))
        ratios = " | ".join(f"{each:.0f} | {each / theirs:.2f}" for each in found)
        print(f"| {size} | {theirs:.0f} | {ratios} |", flush=True)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where to write, and to find again, the files")
    parser.add_argument("--keras", action="store_true", help="beside what Keras needs")
    parser.add_argument("--decoded", type=int, default=1000, help="images of the epochs")
    parser.add_argument("--pixels", type=int, nargs=2, default=[480, 640], help="of those")
    parser.add_argument("--image-sizes", type=int, nargs="*", default=[96, 160, 224])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        print_ready(folder, arguments.files, arguments.keras)
        large = folder / "×".join(map(str, (arguments.decoded, *arguments.pixels)))
        if arguments.image_sizes and not large.exists():
            write_large(large, arguments.decoded, *arguments.pixels)
        print_epochs(large, arguments.image_sizes)


if __name__ == "__main__":
    main()
