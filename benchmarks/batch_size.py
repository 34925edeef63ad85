"""Group against batch normalization by batch size: the shape of figure 1 of Wu and He (2018).

    python benchmarks/batch_size.py [--out batch_size.png] [--seeds 3] [--epochs 6]

A small ResNet learns the demo's digits 0–4 (at random places on stripes and noise) at batches of 2
to 32, for equally many epochs as in the paper, by Adam (SGD at the paper's rates needs more epochs
than fit into minutes: the group-normalized network did not leave chance).
The group-normalized network is made of the other by `replace_normalization`, so that it starts from
the same weights. Errors are those on digits that are in no training image: mean and deviation over
seeds, which draw weights, order and backgrounds. The third curve is batch normalization with
`recompute_statistics` after training.
"""

import argparse
import time

import keras
import numpy as np
from keras import layers

from kerasnorm.problems import PLACEMENTS, SIZE, load_digits
from kerasnorm.surgery import recompute_statistics, replace_normalization

BATCHES = (2, 4, 8, 32)
RATE = 0.0016  # of Adam at batches of 32; in proportion to the root of the batch
GROUPS = 8
CURVES = ("group", "batch", "batch, statistics recomputed")


def resnet() -> keras.Model:
    """Returns a ResNet of four blocks with batch normalization, the last on maps of 3×3."""

    def conv(x, width, size=3, stride=1):
        x = layers.Conv2D(width, size, stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    images = keras.Input((SIZE, SIZE, 1))
    x = layers.ReLU()(conv(layers.Rescaling(1 / 127.5, -1)(images), 16))
    for width, stride in ((16, 1), (32, 2), (64, 2), (64, 2)):
        y = conv(layers.ReLU()(conv(x, width, stride=stride)), width)
        short = x if stride == 1 else conv(x, width, 1, stride)
        x = layers.ReLU()(layers.add([y, short]))
    return keras.Model(images, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


def split(seed: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Returns images of four digits in five for training, and of the others for test."""
    x, y = load_digits(seed).source
    test = np.arange(len(x)) // PLACEMENTS % 5 == 0
    return (x[~test], y[~test]), (x[test], y[test])


def train(model: keras.Model, data, batch: int, epochs: int) -> None:
    """Trains a model with a rate that rises over a tenth of the steps and falls to 0."""
    x, y = data
    steps = epochs * len(x) // batch
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=RATE * (batch / 32) ** 0.5, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)


def error(model: keras.Model, data: tuple[np.ndarray, np.ndarray]) -> float:
    """Returns the share of examples that are taken for another class, in %."""
    x, y = data
    return 100 * float(np.mean(model.predict(x, batch_size=256, verbose=0).argmax(1) != y))


def measure(seeds: int, epochs: int) -> dict[str, np.ndarray]:
    """Returns the errors of each curve: (batch sizes, seeds)."""
    errors = {name: np.zeros((len(BATCHES), seeds)) for name in CURVES}
    for seed in range(seeds):
        training, test = split(seed)
        for index, batch in enumerate(BATCHES):
            keras.utils.set_random_seed(seed)
            model = resnet()
            grouped = replace_normalization(model, "group", groups=GROUPS).model
            train(grouped, training, batch, epochs)
            train(model, training, batch, epochs)
            errors["group"][index, seed] = error(grouped, test)
            errors["batch"][index, seed] = error(model, test)
            recompute_statistics(model, training[0].astype("float32"))
            errors[CURVES[2]][index, seed] = error(model, test)
            found = ", ".join(f"{name} {errors[name][index, seed]:.1f}" for name in CURVES)
            print(f"seed {seed}, batch {batch}: {found}", flush=True)
            keras.utils.clear_session()
    return errors


def draw(errors: dict[str, np.ndarray], path: str) -> None:
    """Writes the figure: a thin line a seed, and their geometric mean."""
    from matplotlib.figure import Figure

    figure = Figure((6, 4), layout="constrained")
    axes = figure.subplots()
    for (name, values), style in zip(errors.items(), ("o-", "s-", "s--"), strict=True):
        (line,) = axes.plot(BATCHES, np.exp(np.log(values).mean(1)), style, label=name)
        axes.plot(BATCHES, values, style[1:], color=line.get_color(), linewidth=0.7, alpha=0.5)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.invert_xaxis()
    axes.set_xticks(BATCHES, [str(batch) for batch in BATCHES])
    axes.set_yticks((1, 2, 5, 10, 20), ("1", "2", "5", "10", "20"))
    axes.set_xlabel("examples a batch")
    axes.set_ylabel("test error, %")
    axes.set_title(f"ResNet on digits 0–4: {values.shape[1]} seeds and their geometric mean")
    axes.legend(title="normalization")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Trains, prints the table and writes the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="batch_size.png")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    arguments = parser.parse_args()
    start = time.perf_counter()
    errors = measure(arguments.seeds, arguments.epochs)
    print("| test error, % | " + " | ".join(f"batch {batch}" for batch in BATCHES) + " |")
    print("|---" * (len(BATCHES) + 1) + "|")
    for name, values in errors.items():
        cells = (f"{row.mean():.1f} ± {row.std(ddof=1):.1f}" for row in values)
        print(f"| {name} |", " | ".join(cells), "|")
    ratios = errors["batch"] / errors["group"]
    cells = (f"{row.min():.1f} to {row.max():.1f}" for row in ratios)
    print("| batch ÷ group, by seed |", " | ".join(cells), "|")
    draw(errors, arguments.out)
    print(f"{arguments.out}, after {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
