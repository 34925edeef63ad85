"""Group against batch normalization by batch size: the shape of figure 1 of Wu and He (2018).

    python benchmarks/batch_size.py [--out batch_size.png] [--seeds 3] [--steps 800]

A small ResNet learns the demo's digits 0–4 (at random places on stripes and noise) at batches
of 2 to 32, with equally many steps at each: the paper has equal epochs, which for batches of 2 are
sixteen times as many steps. The group-normalized network is
made of the other by `replace_normalization`, so that it starts from the same weights. Errors are
those on digits that are in no training image: mean and deviation over seeds, which draw weights,
order and backgrounds. The third curve is batch normalization with `recompute_statistics` after
training.
"""

import argparse
import time

import keras
import numpy as np
from keras import layers

from kerasnorm.recipe.digits import PLACEMENTS, SIZE, load_digits
from kerasnorm.surgery import recompute_statistics, replace_normalization

BATCHES = (2, 4, 8, 32)
RATE = 2e-3  # of Adam; falls to 0 along a cosine
GROUPS = 8
CURVES = ("group", "batch", "batch, statistics recomputed")


def resnet() -> keras.Model:
    """Returns a ResNet of three blocks with batch normalization."""

    def conv(x, width, size=3, stride=1):
        x = layers.Conv2D(width, size, stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    images = keras.Input((SIZE, SIZE, 1))
    x = layers.ReLU()(conv(layers.Rescaling(1 / 127.5, -1)(images), 16))
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        y = conv(layers.ReLU()(conv(x, width, stride=stride)), width)
        short = x if stride == 1 else conv(x, width, 1, stride)
        x = layers.ReLU()(layers.add([y, short]))
    return keras.Model(images, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


def split(seed: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Returns images of four digits in five for training, and of the others for test."""
    x, y = load_digits(seed).source
    test = np.arange(len(x)) // PLACEMENTS % 5 == 0
    return (x[~test], y[~test]), (x[test], y[test])


def compiled(model: keras.Model, steps: int) -> keras.Model:
    """Compiles a model once for all trainings."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def train(model: keras.Model, start: list[np.ndarray], data, batch: int, steps: int) -> None:
    """Trains a model from some weights, with a fresh optimizer."""
    model.set_weights(start)
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    order = [np.random.permutation(len(data[0])) for _ in range(1 + steps * batch // len(data[0]))]
    index = np.concatenate(order)[: steps * batch]
    model.fit(data[0][index], data[1][index], batch_size=batch, shuffle=False, verbose=0)


def error(model: keras.Model, data: tuple[np.ndarray, np.ndarray]) -> float:
    """Returns the share of examples that are taken for another class, in %."""
    x, y = data
    return 100 * float(np.mean(model.predict(x, batch_size=256, verbose=0).argmax(1) != y))


def measure(seeds: int, steps: int) -> dict[str, np.ndarray]:
    """Returns the errors of each curve: (batch sizes, seeds)."""
    batch_model = compiled(resnet(), steps)
    group_model = compiled(replace_normalization(resnet(), "group", groups=GROUPS).model, steps)
    errors = {name: np.zeros((len(BATCHES), seeds)) for name in CURVES}
    for seed in range(seeds):
        keras.utils.set_random_seed(seed)
        training, test = split(seed)
        first = resnet()
        starts = [m.get_weights() for m in (first, replace_normalization(first, "group").model)]
        for index, batch in enumerate(BATCHES):
            train(batch_model, starts[0], training, batch, steps)
            errors["batch"][index, seed] = error(batch_model, test)
            recompute_statistics(batch_model, training[0].astype("float32"))
            errors[CURVES[2]][index, seed] = error(batch_model, test)
            train(group_model, starts[1], training, batch, steps)
            errors["group"][index, seed] = error(group_model, test)
            found = ", ".join(f"{name} {errors[name][index, seed]:.1f}" for name in CURVES)
            print(f"seed {seed}, batch {batch}: {found}", flush=True)
    return errors


def draw(errors: dict[str, np.ndarray], path: str) -> None:
    """Writes the figure."""
    from matplotlib.figure import Figure

    figure = Figure((6, 4), layout="constrained")
    axes = figure.subplots()
    for (name, values), style in zip(errors.items(), ("o-", "s-", "s--"), strict=True):
        mean, spread = values.mean(1), values.std(1, ddof=1)
        axes.errorbar(BATCHES, mean, spread, fmt=style, capsize=3, label=name)
    axes.set_xscale("log", base=2)
    axes.invert_xaxis()
    axes.set_xticks(BATCHES, [str(batch) for batch in BATCHES])
    axes.set_xlabel("examples a batch")
    axes.set_ylabel("test error, %")
    axes.set_ylim(bottom=0)
    axes.set_title(f"ResNet on digits 0–4, mean ± deviation over {values.shape[1]} seeds")
    axes.legend(title="normalization")
    figure.savefig(path, dpi=150)


def main() -> None:
    """Trains, prints the table and writes the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="batch_size.png")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=800)
    arguments = parser.parse_args()
    start = time.perf_counter()
    errors = measure(arguments.seeds, arguments.steps)
    print("| test error, % | " + " | ".join(f"batch {batch}" for batch in BATCHES) + " |")
    print("|---" * (len(BATCHES) + 1) + "|")
    for name, values in errors.items():
        cells = (f"{row.mean():.1f} ± {row.std(ddof=1):.1f}" for row in values)
        print(f"| {name} |", " | ".join(cells), "|")
    draw(errors, arguments.out)
    print(f"{arguments.out}, after {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
