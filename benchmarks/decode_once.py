"""Reading a folder of images for several epochs, against Keras' own reader.

    python benchmarks/decode_once.py [--folder FOLDER] [--image-size 128] [--epochs 1 3 10]
                                     [--images 300] [--repeats 3]

Without a folder, JPEGs of 256 × 256 noise are written. Both readers are made anew for each row and
take turns, so that what else the machine does hits both. The ratio is ours over Keras'.
"""

import argparse
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from kerasnorm.data import pipelines
from kerasnorm.imbalance import ImageFolder

BATCH_SIZE = 32


def write_images(folder: Path, count: int) -> None:
    """Writes smooth noise as JPEGs of two classes."""
    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = rng.uniform(0, 255, (16, 16, 3))
        image = np.kron(coarse, np.ones((16, 16, 1))) + rng.normal(0, 8, (256, 256, 3))
        path = folder / "ab"[index % 2] / f"{index:05}.jpg"
        path.parent.mkdir(exist_ok=True)
        keras.utils.save_img(path, np.clip(image, 0, 255), scale=False)


def read_ours(folder: Path, size: int, epochs: int) -> int:
    """Reads each image in each epoch, and returns how many."""
    files = ImageFolder(folder, size)
    rng, count = np.random.default_rng(0), 0
    for _ in range(epochs):
        for x, _ in pipelines.gathered(files.gatherer(), rng.permutation(files.size), BATCH_SIZE):
            count += len(x)
    return count


def read_keras(folder: Path, size: int, epochs: int) -> int:
    """Reads the same with `image_dataset_from_directory`, which resizes without antialiasing."""
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=(size, size), batch_size=BATCH_SIZE, seed=0, verbose=False
    )
    return sum(len(x) for _ in range(epochs) for x, _ in dataset)


def main() -> None:
    """Prints a row for each number of epochs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = arguments.folder or Path(made)
        if arguments.folder is None:
            write_images(folder, arguments.images)
        read_ours(folder, 32, 1), read_keras(folder, 32, 1)  # traces, and fills the page cache
        print("epochs  kerasnorm [s]  keras [s]  ratio")
        for epochs in arguments.epochs:
            times: dict[str, list[float]] = {"ours": [], "keras": []}
            for _ in range(arguments.repeats):
                for name, read in (("ours", read_ours), ("keras", read_keras)):
                    start = time.perf_counter()
                    read(folder, arguments.image_size, epochs)
                    times[name].append(time.perf_counter() - start)
            ours, theirs = (float(np.median(times[name])) for name in ("ours", "keras"))
            print(f"{epochs:6}  {ours:13.2f}  {theirs:9.2f}  {ours / theirs:5.2f}")


if __name__ == "__main__":
    main()
