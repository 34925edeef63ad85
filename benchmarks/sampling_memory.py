"""Class-balanced batches: the memory that a sampler takes, beside a plain shuffled pipeline.

What the resident memory of a process grows by at its peak, over what it is with the libraries and
the arrays loaded, in two epochs of batches of 32. Each measurement is a process of its own; the
first one writes the data and the index of the TFRecords, which the others find. Linux.

Run: python benchmarks/sampling_memory.py [examples [rounds]]
"""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from sampling import BATCH, DATA, long_tailed

from kerasnorm.imbalance import ResampledDataset, TFRecords, resample

CLASSES, EPOCHS = 100, 2
LABEL_BYTES = 8


def from_arrays(make: Callable[[np.ndarray, np.ndarray], Any]) -> Callable[[Path], Callable]:
    def load(directory: Path) -> Callable[[], Any]:
        x, y = np.load(directory / "x.npy"), np.load(directory / "y.npy")
        return lambda: make(x, y)

    return load


def from_records(make: Callable[[str, Callable], Any]) -> Callable[[Path], Callable]:
    def load(directory: Path) -> Callable[[], Any]:
        x = np.load(directory / "x.npy", mmap_mode="r")

        def parse(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            label = tf.io.decode_raw(tf.strings.substr(record, 0, LABEL_BYTES), tf.int64)[0]
            values = tf.io.decode_raw(tf.strings.substr(record, LABEL_BYTES, -1), x.dtype)
            return tf.reshape(values, x.shape[1:]), label

        return lambda: make(str(directory / "examples.tfrecord"), parse)

    return load


def shuffled(x: np.ndarray, y: np.ndarray) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(y)).batch(BATCH)


def shuffled_records(path: str, parse: Callable) -> tf.data.Dataset:
    size = len(np.load(Path(path).with_name("y.npy")))
    records = tf.data.TFRecordDataset(path).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    return records.shuffle(size).batch(BATCH)


SAMPLERS = {
    "shuffle": from_arrays(shuffled),
    "resample": from_arrays(lambda x, y: resample((x, y), batch_size=BATCH)),
    "ResampledDataset": from_arrays(lambda x, y: ResampledDataset((x, y), batch_size=BATCH)),
    "shuffle, TFRecords": from_records(shuffled_records),
    "resample, TFRecords": from_records(
        lambda path, parse: resample(TFRecords(path, parse), batch_size=BATCH)
    ),
}


def write(directory: Path, kind: str, examples: int) -> None:
    """Writes the arrays, the TFRecords and their index."""
    x, y = DATA[kind](np.random.default_rng(1), examples), long_tailed(examples, CLASSES)
    np.save(directory / "x.npy", x)
    np.save(directory / "y.npy", y)
    with tf.io.TFRecordWriter(str(directory / "examples.tfrecord")) as writer:
        for example, label in zip(x, y, strict=True):
            writer.write(label.astype(np.int64).tobytes() + example.tobytes())
    SAMPLERS["resample, TFRecords"](directory)()


def peak(directory: Path, name: str) -> float:
    """MB that the memory of this process grows by, at its peak."""
    make = SAMPLERS[name](directory)
    tf.constant(0)  # TensorFlow's own beginning
    Path("/proc/self/clear_refs").write_text("5")  # the peak is from here on
    before = memory("VmRSS")
    dataset = make()
    for _ in range(EPOCHS):
        for _ in dataset:
            pass
    return memory("VmHWM") - before


def memory(field: str) -> float:
    """MB of this process: VmRSS, resident now, or VmHWM, at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6


def in_a_process(*arguments: str) -> str:
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def main(examples: int, rounds: int) -> None:
    print(f"{examples} examples, {CLASSES} classes, batch {BATCH}, {EPOCHS} epochs")
    print(f"{'data':<14} {'MB':>4}  {'sampler':<20} {'median MB':>10} {'lowest':>8} {'highest':>8}")
    for kind in DATA:
        with tempfile.TemporaryDirectory() as directory:
            in_a_process("write", directory, kind, str(examples))
            size = Path(directory, "x.npy").stat().st_size / 1e6
            for name in SAMPLERS:
                peaks = [float(in_a_process("peak", directory, name)) for _ in range(rounds)]
                found = statistics.median(peaks), min(peaks), max(peaks)
                print(f"{kind:<14} {size:>4.0f}  {name:<20} ", end="")
                print("{:>10.0f} {:>8.0f} {:>8.0f}".format(*found), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] == ["peak"]:
        print(peak(Path(sys.argv[2]), sys.argv[3]))
    else:
        main(*(int(argument) for argument in [*sys.argv[1:], 100_000, 3][:2]))
