"""What calibration brings a pretrained network whose normalization is replaced.

    python benchmarks/calibrate.py --model BACKBONE.keras --folder PHOTOS [--image-size 96]
                                   [--examples 64 178] [--seeds 3] [--norms group layer instance]

A row for each new normalization, with and without weight standardization: the balanced accuracy
in % of a solved head on the pooled features, trained on one half of the photographs and measured on
the other; mean and standard deviation over the splits. Calibration takes `examples` images of any
half, without their labels, once for all splits. The model takes pixels from 0 to 255.
"""

import argparse
import warnings
from pathlib import Path

import keras
import numpy as np

from kerasnorm.data import pipelines
from kerasnorm.imbalance import ImageFolder
from kerasnorm.models import load_model
from kerasnorm.surgery import replace_normalization
from kerasnorm.transfer import solve_head


def features_of(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Returns the features of images, pooled."""
    model.jit_compile = False  # compiling a new norm in each layer takes longer than the images
    outputs = np.asarray(model.predict(x, batch_size=32, verbose=0))
    return outputs if outputs.ndim == 2 else outputs.mean(axis=(1, 2))


def halves(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows of two halves, each with half of each class."""
    rng = np.random.default_rng(seed)
    first = [rng.permutation(np.flatnonzero(y == k))[: (y == k).sum() // 2] for k in np.unique(y)]
    train = np.concatenate(first)
    return rng.permutation(train), np.setdiff1d(np.arange(len(y)), train)


def score(features: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Returns the balanced accuracy of a solved head in %."""
    head = solve_head(features[train], y[train])
    right = (features[test] @ head.kernel + head.bias).argmax(axis=1) == y[test]
    return 100 * float(np.mean([right[y[test] == k].mean() for k in np.unique(y)]))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--examples", type=int, nargs="+", default=[64])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--norms", nargs="+", default=["group", "layer", "instance"])
    arguments = parser.parse_args()
    if not (arguments.model and arguments.model.exists()) or not arguments.folder:
        print("Skipped: give --model, a backbone in a .keras file, and --folder, of photographs.")
        return
    files = ImageFolder(arguments.folder, arguments.image_size)
    rows, y = np.arange(files.size), files.labels
    x = np.concatenate([batch for batch, _ in pipelines.gathered(files.gatherer(), rows, 32)])
    model = load_model(arguments.model)
    splits = [halves(y, seed) for seed in range(arguments.seeds)]

    def row(name: str, model: keras.Model) -> None:
        features = features_of(model, x)
        found = [score(features, y, *split) for split in splits]
        print(f"{name:44} {np.mean(found):5.1f} ± {np.std(found, ddof=1):.1f}", flush=True)

    row("as it is", model)
    warnings.simplefilter("ignore")
    for norm in arguments.norms:
        for standardized in (False, True):
            settings = {"to": norm, "weight_standardization": standardized}
            name = norm + (", weights standardized" if standardized else "")
            row(name, replace_normalization(model, **settings).model)
            for count in arguments.examples:
                images = x[np.random.default_rng(0).permutation(len(x))[:count]]
                calibrated = replace_normalization(model, calibrate=images, **settings).model
                row(f"{name}, calibrated on {count}", calibrated)


if __name__ == "__main__":
    main()
