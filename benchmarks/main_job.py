"""What the main job costs: from a command and a folder of images to a trained model on disk.

    python benchmarks/main_job.py FOLDER [--backbones MobileNetV2 EfficientNetB0 ResNet50]
                                  [--image-size 160] [--epochs 10] [--rounds 3]

`kerasnorm fit FOLDER` against Keras' guide "Transfer learning and fine-tuning" on
`image_dataset_from_directory`, whose first half of the epochs trains the head and the second all
layers. Both start from the same file of weights, drawn at random: what is measured is time, for
which they do as well as any. Each job is a process of its own; the two take turns. Ratios are
ours over Keras', of the sums over the rounds.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

SHARES = 0.1, 0.2  # for validation and for the test, as the command has them


def main():
    arguments = parse()
    if arguments.keras:
        fit_with_keras(arguments)
        return
    table = Table("", "seconds", "Keras", "ratio", "processor s", "Keras", "ratio")
    for backbone in arguments.backbones:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(arguments, backbone, Path(folder))
        cells = []
        for ours, theirs in zip(found["kerasnorm"], found["Keras"], strict=True):
            cells += [f"{ours:.0f}", f"{theirs:.0f}", f"{ours / theirs:.2f}"]
        table.add_row(backbone, *cells)
        print(backbone, cells, flush=True)
    Console(width=100).print(table)


def measure(arguments, backbone, folder):
    """Returns the mean seconds, and processor seconds, that each of the two jobs takes."""
    weights = folder / "start.weights.h5"
    write_weights(backbone, weights)
    settings = ["--epochs", str(arguments.epochs), "--image-size", str(arguments.image_size)]
    start = ["--backbone", backbone, "--weights", str(weights)]
    jobs = {
        "kerasnorm": ["-m", "kerasnorm", "fit", arguments.folder, *start, *settings],
        "Keras": [__file__, arguments.folder, "--keras", *start, *settings],
    }
    totals = {name: [0.0, 0.0] for name in jobs}
    for number in range(arguments.rounds):
        for name, job in jobs.items():
            out = str(folder / f"{name}{number}")
            for index, seconds in enumerate(timed([sys.executable, *job, "--out", out])):
                totals[name][index] += seconds / arguments.rounds
    return totals


def timed(command):
    """Returns the seconds a command takes, and the processor's."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with status {status}.")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime


def write_weights(backbone, path):
    """Writes the weights that both jobs start from, in a process that takes Keras along."""
    code = (
        f"import keras; keras.applications.{backbone}(include_top=False, weights=None)"
        f".save_weights({str(path)!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def fit_with_keras(arguments):
    """The guide's two steps, as it writes them."""
    import keras

    size = arguments.image_size
    parts = [
        keras.utils.image_dataset_from_directory(
            arguments.folder,
            image_size=(size, size),
            validation_split=sum(SHARES),
            subset=subset,
            seed=0,
            verbose=False,
        )
        for subset in ("training", "validation")
    ]
    family = {"MobileNetV2": "mobilenet_v2", "EfficientNetB0": "efficientnet"}
    module = getattr(keras.applications, family.get(arguments.backbone, "resnet"))
    base = getattr(keras.applications, arguments.backbone)(include_top=False, weights=None)
    base.load_weights(arguments.weights)
    inputs = keras.Input((size, size, 3))
    x = base(module.preprocess_input(inputs), training=False)
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, keras.layers.Dense(len(parts[0].class_names))(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for trainable, rate in ((False, 1e-3), (True, 1e-5)):
        base.trainable = trainable
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        epochs = arguments.epochs // 2
        model.fit(parts[0], validation_data=parts[1], epochs=epochs, verbose=0)
    Path(arguments.out).mkdir()
    model.save(Path(arguments.out) / "model.keras")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument(
        "--backbones", nargs="+", default=["MobileNetV2", "EfficientNetB0", "ResNet50"]
    )
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    for hidden in ("--backbone", "--weights", "--out"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--keras", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
