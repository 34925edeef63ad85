"""What helps on long-tailed digits: every method, balanced accuracy and recalls, over seeds.

    python benchmarks/long_tail.py [--seeds 5]

Training images of scikit-learn's 8×8 digits, 120 of the most frequent class down to 2 of the
rarest; which digit is how frequent is drawn for each seed. Validation and test parts are balanced,
never overlap with training, and are the same for all seeds. Settings are those of the papers, or
chosen on the validation part ("val."), never on the test part. All methods share network, optimizer
and number of steps; those after training share the plainly trained model of the seed.
"""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.special import log_softmax
from sklearn.datasets import load_digits

from kerasnorm import imbalance as ki

CLASSES, MOST, RATIO = 10, 120, 60
VALIDATION = 20  # images a class
EPOCHS, DEFERRED, BATCH = 40, 32, 32
TAUS = np.linspace(0, 2, 9)
MANY, FEW = 40, 10  # examples of a class, which groups it

Split = tuple[np.ndarray, np.ndarray]


class Data(NamedTuple):
    """The parts of one seed."""

    train: Split
    validation: Split
    test: Split
    counts: ki.ClassCounts


def load(seed: int) -> Data:
    """Returns parts of images (N, 8, 8, 1) in [0, 1] and labels (N,)."""
    digits = load_digits()
    x, y = digits.images[..., None].astype("float32") / 16, digits.target
    fixed, rng = np.random.default_rng(0), np.random.default_rng(1000 + seed)
    tail = MOST * float(RATIO) ** (-np.arange(CLASSES) / (CLASSES - 1))
    sizes = rng.permutation(tail.round().astype(int))
    parts: tuple[list, list, list] = ([], [], [])
    for c in range(CLASSES):
        members = fixed.permutation(np.flatnonzero(y == c))
        pool, validation, test = np.split(members, [MOST, MOST + VALIDATION])
        parts[0].append(rng.choice(pool, sizes[c], replace=False))
        parts[1].append(validation)
        parts[2].append(test)
    train, validation, test = ((x[i], y[i]) for i in map(np.concatenate, parts))
    return Data(train, validation, test, ki.ClassCounts(sizes))


def network(head: keras.layers.Layer) -> keras.Model:
    """Returns a small ConvNet."""
    layers = [
        keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
    ]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers, head])


def train(
    data: Data,
    seed: int,
    loss: keras.losses.Loss | None = None,
    strategy: str | None = None,
    weights: str | None = None,
    cosine: bool = False,
    deferred: str | None = None,
) -> keras.Model:
    """Returns a model trained with these deviations from plain training."""
    keras.utils.set_random_seed(seed)
    x, y = data.train
    head = ki.CosineDense if cosine else keras.layers.Dense
    model = network(head(CLASSES))
    steps = EPOCHS * -(-len(y) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    loss = loss or ki.SparseFocalCrossentropy(gamma=0)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(y), seed=seed).batch(BATCH)
    callbacks = []
    if strategy:
        settings = {"epochs": EPOCHS} if strategy == "progressive" else {}
        dataset = ki.resample((x, y), strategy, batch_size=BATCH, seed=seed, **settings)
    if deferred == "resampling":
        balanced = ki.resample((x, y), batch_size=BATCH, seed=seed)
        callbacks = [ki.DeferredResampling(dataset, balanced, DEFERRED)]
        dataset = callbacks[0].dataset
    if deferred == "reweighting":
        drw = ki.class_weights(data.counts, "effective_number")
        callbacks = [ki.DeferredReweighting(drw, DEFERRED)]
    by_class = ki.class_weights(data.counts, weights, normalize="expected") if weights else None
    settings = {"class_weight": by_class, "callbacks": callbacks, "shuffle": False, "verbose": 0}
    model.fit(dataset, epochs=EPOCHS, **settings)
    return model


def logits(model: keras.Model, part: Split) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(part[0], training=False))


def balanced_accuracy(scores: np.ndarray, part: Split) -> float:
    metric = ki.BalancedAccuracy(CLASSES)
    metric.update_state(part[1], scores)
    return float(metric.result())


def best_tau(correct: Callable[[float, Split], np.ndarray], data: Data) -> np.ndarray:
    """Returns the test part's scores at the τ that is best on the validation part."""
    found = [balanced_accuracy(correct(tau, data.validation), data.validation) for tau in TAUS]
    return correct(TAUS[int(np.argmax(found))], data.test)


Training = Callable[[Data], dict[str, Any]]
TRAININGS: dict[str, Training] = {
    "plain": lambda data: {},
    "weights, balanced": lambda data: {"weights": "balanced"},
    "weights, square root": lambda data: {"weights": "sqrt"},
    "weights, effective number": lambda data: {"weights": "effective_number"},
    "weights, deferred (DRW)": lambda data: {"deferred": "reweighting"},
    "resampling, balanced": lambda data: {"strategy": "class_balanced"},
    "resampling, square root": lambda data: {"strategy": "square_root"},
    "resampling, progressive": lambda data: {"strategy": "progressive"},
    "resampling, deferred (DRS)": lambda data: {"deferred": "resampling"},
    "focal": lambda data: {"loss": ki.SparseFocalCrossentropy(gamma=2)},
    "balanced softmax = logit adjusted": lambda data: {"loss": ki.BalancedSoftmax(data.counts)},
    "LDAM": lambda data: {"loss": ki.LDAM(data.counts), "cosine": True},
    "LDAM, DRW": lambda data: {
        "loss": ki.LDAM(data.counts),
        "cosine": True,
        "deferred": "reweighting",
    },
    "Seesaw": lambda data: {"loss": ki.Seesaw(CLASSES)},
}


def corrected(model: keras.Model, data: Data, seed: int) -> dict[str, np.ndarray]:
    """Returns the test part's scores of every correction of a plainly trained model."""
    keras.utils.set_random_seed(seed)
    z = logits(model, data.test)
    retrained = ki.retrain_classifier(model, *data.train, epochs=EPOCHS, verbose=0)

    def tau_normalized(tau: float, part: Split) -> np.ndarray:
        return logits(ki.tau_normalize(model, tau), part)

    def adjusted(tau: float, part: Split) -> np.ndarray:
        return ki.adjust_logits(logits(model, part), data.counts, tau)

    p = np.exp(log_softmax(z.astype(np.float64), axis=-1))
    return {
        "classifier retrained (cRT)": logits(retrained, data.test),
        "τ-normalized, τ val.": best_tau(tau_normalized, data),
        "logits adjusted, τ = 1": ki.adjust_logits(z, data.counts),
        "logits adjusted, τ val.": best_tau(adjusted, data),
        "prior corrected by EM": ki.correct_prior(p, data.counts),
    }


def figures(scores: np.ndarray, data: Data) -> list[float]:
    """Returns balanced accuracy and the recalls of the groups, in %."""
    groups = ki.GroupAccuracy(data.counts, MANY, FEW)
    groups.update_state(data.test[1], scores)
    values = [balanced_accuracy(scores, data.test), *groups.result().values()]
    return [100 * float(value) for value in values]


def run(seeds: int) -> dict[str, np.ndarray]:
    """Returns the figures of each method, (seeds, 4)."""
    found: dict[str, list[list[float]]] = {}
    for seed, (name, settings) in track(
        [(seed, training) for seed in range(seeds) for training in TRAININGS.items()], "training"
    ):
        data = load(seed)
        model = train(data, seed, **settings(data))
        found.setdefault(name, []).append(figures(logits(model, data.test), data))
        if name == "plain":
            for correction, scores in corrected(model, data, seed).items():
                found.setdefault(correction, []).append(figures(scores, data))
    order = [*TRAININGS, *(name for name in found if name not in TRAININGS)]
    return {name: np.array(found[name]) for name in order}


def table(found: dict[str, np.ndarray]) -> Table:
    """Returns means ± deviations, and the gain over plain training seed by seed."""
    seeds = len(found["plain"])
    result = Table(title=f"Long-tailed digits, test part, in %; {seeds} seeds")
    for column in ("method", "balanced accuracy", "many", "medium", "few", "gain", "helps"):
        result.add_column(column, justify="left" if column == "method" else "right")
    for name, values in found.items():
        cells = [
            f"{m:.1f} ± {s:.1f}" for m, s in zip(values.mean(0), values.std(0, ddof=1), strict=True)
        ]
        gains = values[:, 0] - found["plain"][:, 0]
        error = gains.std(ddof=1) / np.sqrt(seeds)
        verdict = "yes" if gains.mean() > 2 * error > 0 else "no"
        gain = f"{gains.mean():+.1f} ± {error:.1f}"
        result.add_row(name, *cells, *(("", "") if name == "plain" else (gain, verdict)))
    result.caption = "± deviation over seeds; of gains, standard error; helps: above two of them"
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    Console(width=120).print(table(run(parser.parse_args().seeds)))
