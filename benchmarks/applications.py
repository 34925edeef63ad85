"""What surgery does to each model of keras.applications, as one table.

    python benchmarks/applications.py [--dtype float64] [NAME ...]

Models have random weights, γ and β, the statistics of random images, and small inputs. The columns:
how many layers group normalization (with the largest divisor of the channels up to 32) replaces,
and how many stay because one value a group would be left; whether all other weights, γ and β are
the same; the difference of outputs after a file; whether outputs of the synchronous model and of
the way back are the same bits; how many of the batch normalizations are folded, the largest
difference that this makes in logits and in probabilities, that which moving the images by a
millionth makes in logits, and the largest logit.
"""

import argparse
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import scipy.special

from kerasnorm.surgery import (
    BATCH,
    convert_sync_batchnorm,
    fold_batchnorm,
    kind_of,
    normalizations,
    recompute_statistics,
    replace_normalization,
    revert_sync_batchnorm,
)

SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
CLASSES = 10


class Row(NamedTuple):
    """What was found for one model."""

    replaced: int
    refused: int
    kept: bool
    reload: float
    synchronous: bool
    folded: str
    fold_error: float
    probability_error: float
    sensitivity: float
    largest: float


def names() -> list[str]:
    """Returns the names of all functions of keras.applications that make a model."""
    return sorted(name for name in vars(keras.applications) if name[0].isupper())


def make(name: str) -> keras.Model:
    """Returns the model of that name with random weights, γ and β, and statistics to match."""
    keras.utils.set_random_seed(0)
    size = SIZES.get(name, 64)
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classes=CLASSES, classifier_activation=None
    )
    rng = np.random.default_rng(0)
    ranges = {"gamma": (0.5, 1.5), "beta": (-0.5, 0.5)}
    for weight in model.weights:
        if weight.name in ranges:
            weight.assign(rng.uniform(*ranges[weight.name], weight.shape))
    if any(kind_of(leaf.layer) in BATCH for leaf in normalizations(model)):
        # statistics that do not fit make outputs of millions, which any rounding changes
        recompute_statistics(model, images(model, 16))
    return model


def images(model: keras.Model, count: int) -> np.ndarray:
    """Returns random images of the model's size."""
    shape = count, *model.input_shape[1:]
    return np.random.default_rng(count).uniform(0, 255, shape).astype(model.compute_dtype)


def examine(name: str) -> Row:
    """Operates on one model and compares outputs."""
    model = make(name)
    x = images(model, 2)
    expected = outputs(model, x)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(not folded|cannot be replaced)")
        found = normalizations(model)
        batch = [leaf for leaf in found if kind_of(leaf.layer) in BATCH]
        if not found:
            return Row(0, 0, True, 0.0, True, "0/0", 0.0, 0.0, 0.0, 0.0)
        new, report = replace_normalization(model, "group")
        sync = convert_sync_batchnorm(model)
        back = revert_sync_batchnorm(sync)
        folded = fold_batchnorm(model)
    left = sum(kind_of(leaf.layer) in BATCH for leaf in normalizations(folded))
    same = [np.array_equal(outputs(each, x), expected) for each in (sync, back)]
    after = outputs(folded, x)
    return Row(
        len(report.replaced),
        len(report.refused),
        _kept(model, new),
        _reload_error(new, x),
        all(same) and back.get_config() == model.get_config(),
        f"{len(batch) - left}/{len(batch)}",
        largest(after - expected),
        largest(scipy.special.softmax(after, -1) - scipy.special.softmax(expected, -1)),
        largest(outputs(model, x * x.dtype.type(1 + 1e-6)) - expected),
        largest(expected),
    )


def largest(array: np.ndarray) -> float:
    """Returns the largest absolute value."""
    return float(np.abs(array).max())


def outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Returns what a model gives at inference."""
    return keras.ops.convert_to_numpy(model(x, training=False))


def _kept(old: keras.Model, new: keras.Model) -> bool:
    before = {weight.path: weight for weight in old.weights}
    after = {weight.path: weight for weight in new.weights}
    gone = {path for path in before if path.rpartition("/")[2].startswith("moving_")}
    return set(before) - gone <= set(after) <= set(before) and all(
        np.array_equal(*map(keras.ops.convert_to_numpy, (value, before[path])))
        for path, value in after.items()
    )


def _reload_error(model: keras.Model, x: np.ndarray) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        again = keras.models.load_model(path)
    return largest(outputs(again, x) - outputs(model, x))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--dtype", default="float32", choices=["float32", "float64"])
    options = parser.parse_args()
    columns = "model", "replaced", "refused", "all else kept", "after a file", "sync and back"
    columns = *columns, "folded", "logits", "probabilities", "by 1e-6", "of"
    print("|", " | ".join(columns), "|")
    print("|---" * len(columns) + "|")
    words = {True: "yes", False: "NO"}
    for name in options.names or names():
        keras.config.set_dtype_policy(options.dtype)
        row = examine(name)
        cells = (
            *(name, row.replaced, row.refused, words[row.kept], f"{row.reload:g}"),
            *("same bits" if row.synchronous else "OTHER", row.folded),
            *(f"{row.fold_error:.0e}", f"{row.probability_error:.0e}"),
            *(f"{row.sensitivity:.0e}", f"{row.largest:.1f}"),
        )
        print("|", " | ".join(map(str, cells)), "|", flush=True)
        keras.utils.clear_session()


if __name__ == "__main__":
    main()
