# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Transfer: freeze, fine-tune, an SVM on low layers, or from scratch?
#
# The rule of thumb says: with few examples keep the base of a similar source as it is, and put an
# SVM on the lower layers of a dissimilar one; with many examples fine-tune the one, and train from
# scratch beside the other. Here all of it is measured: five ways, two sources, four sizes of the
# target set, several seeds, and the scores that say beforehand which source will do.
#
# It takes less than three minutes on two cores, and needs no network.

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from keras import layers
from scipy import ndimage, stats
from sklearn import datasets

from kerasnorm import transfer

FAST = bool(os.environ.get("KERASNORM_FAST"))  # seconds in place of minutes, for the tests
SEEDS = range(1) if FAST else range(3)
SIZES = (3, 10) if FAST else (3, 10, 50, 400)
SIDE = 16
BEGAN = time.time()

# %% [markdown]
# ## The target: digits 5 to 9
#
# scikit-learn's 8×8 digits, each turned, shifted and dimmed at random on a noisy 16×16 image. Two
# thirds of the originals are for training, the rest for the test: no digit is in both. From 120
# examples a class on, one original is in several images.


# %%
def draw(digits, rng):
    """Returns images (N, 16, 16, 1) of 8×8 digits, in [-1, 1]."""
    images = np.empty((len(digits), SIDE, SIDE, 1), "float32")
    for image, digit in zip(images, digits, strict=True):
        angle, scale = rng.uniform(-0.3, 0.3), rng.uniform(0.55, 0.75)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre = (SIDE - 1) / 2 + rng.uniform(-1.5, 1.5, 2)
        turned = ndimage.affine_transform(
            digit / 16, turn, offset=3.5 - turn @ centre, output_shape=(SIDE, SIDE), order=1
        )
        ground, contrast = rng.uniform(-0.5, 0), rng.uniform(0.5, 1.0)
        image[..., 0] = ground + contrast * turned + 0.1 * rng.normal(size=turned.shape)
    return images.clip(-1, 1)


def digits(classes, count, rng, test=False):
    """Returns images and labels, `count` of each class."""
    data = datasets.load_digits()
    x, y = [], []
    for label, name in enumerate(classes):
        own = np.flatnonzero(data.target == name)
        own = own[2 * len(own) // 3 :] if test else own[: 2 * len(own) // 3]
        chosen = np.concatenate([rng.permutation(own) for _ in range(-(-count // len(own)))])
        x.append(data.images[chosen[:count]])
        y += [label] * count
    return draw(np.concatenate(x), rng), np.array(y)


TARGET = (5, 6, 7, 8, 9)


# %% [markdown]
# ## A similar source and a dissimilar one
#
# Similar: the digits 0 to 4, drawn alike. Dissimilar: pieces of two photographs, to be sorted by
# which of ten strips of them they come from: textures and edges, but no strokes.


# %%
def pieces(count, rng):
    """Returns pieces of two photographs, `count` from each of five strips of each, and labels."""
    x, y = [], []
    for photo, name in enumerate(("china.jpg", "flower.jpg")):
        grey = datasets.load_sample_image(name).mean(axis=-1) / 127.5 - 1
        for strip, part in enumerate(np.array_split(grey, 5, axis=1)):
            for _ in range(count):
                top, left = (rng.integers(0, n - 2 * SIDE) for n in part.shape)
                x.append(part[top : top + 2 * SIDE : 2, left : left + 2 * SIDE : 2, None])
                y.append(5 * photo + strip)
    return np.array(x, "float32"), np.array(y)


def network(classes):
    """Conv → Norm → ReLU → Pool, three times, and a head that gives logits."""
    images = x = keras.Input((SIDE, SIDE, 1))
    for block, filters in enumerate((16, 32, 64), start=1):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{block}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{block}")(x)
        x = layers.ReLU(name=f"relu{block}")(x)
        x = layers.MaxPooling2D(name=f"pool{block}")(x)
    x = layers.Flatten(name="features")(x)
    return keras.Model(images, layers.Dense(classes, name="head")(x))


def pretrained(x, y, epochs=2 if FAST else 12):
    """Returns a network that has learnt a source."""
    model = network(int(y.max()) + 1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, jit_compile=False)
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return model


# %% [markdown]
# ## Five ways
#
# `fine_tune` does all of them; layer-wise is fine-tuning with half the rate at each layer further
# down (`decay=0.5`). All but the SVM train for the same number of steps: epochs in inverse
# proportion to the size of the target set, but no more than 60 and no fewer than 8, the first third
# of them with the head alone.

# %%
WAYS = {
    "freeze": {"strategy": "freeze"},
    "SVM": {"strategy": "svm"},
    "fine-tune": {"strategy": "fine_tune"},
    "layer-wise": {"strategy": "fine_tune", "decay": 0.5},
    "scratch": {"strategy": "scratch"},
}
EPOCHS = {3: 30, 10: 24, 50: 12, 400: 6}
RATES = {"learning_rate": 3e-3, "base_learning_rate": 1e-3}


def carry_over(source, way, train, validation=None, epochs=None, seed=0):
    """Returns the fine-tuning of a source's network to the target."""
    epochs = epochs or EPOCHS[len(train[1]) // len(TARGET)]
    return transfer.fine_tune(
        source,
        train,
        validation,
        classes=len(TARGET),
        head_epochs=epochs // 3,
        epochs=epochs - epochs // 3,
        **RATES,
        **WAYS[way],
        seed=seed,
        jit_compile=False,
        verbose=0,
    )


def accuracy(model, x, y):
    scores = keras.ops.convert_to_numpy(model(x, training=False))
    return 100 * float(np.mean(scores.argmax(-1) == y))


# %% [markdown]
# Each seed has its own sources, target sets and test images. Two processes share the work.


# %%
SOURCES = {
    "similar": lambda rng: digits(range(5), 400, rng),
    "dissimilar": lambda rng: pieces(200, rng),
}


def learn_source(make, seed):
    """Returns the weights of a network that has learnt a source, and its number of classes."""
    keras.utils.set_random_seed(seed)
    x, y = make(np.random.default_rng(seed))
    return pretrained(x, y).get_weights()


def network_of(weights):
    model = network(len(weights[-1]))
    model.set_weights(weights)
    return model


def target(seed, size):
    """Returns `size` training examples a class, and the test set of the seed."""
    train = digits(TARGET, size, np.random.default_rng((seed, size)))
    return train, digits(TARGET, 50 if FAST else 200, np.random.default_rng(seed), test=True)


def compare_ways(seed, size, sources):
    """Returns rows (source, way, size, accuracy): scratch does not depend on the source."""
    train, test = target(seed, size)
    rows = []
    for name, weights in sources.items():
        for way in WAYS:
            if way != "scratch" or name == "similar":
                tuned = carry_over(network_of(weights), way, train, seed=seed)
                rows.append((name, way, size, accuracy(tuned.model, *test)))
    return rows


parallel = Parallel(n_jobs=1 if FAST else 2)
jobs = [(name, seed) for seed in SEEDS for name in SOURCES]
weights = dict(
    zip(jobs, parallel(delayed(learn_source)(SOURCES[n], s) for n, s in jobs), strict=True)
)
parts = parallel(
    delayed(compare_ways)(seed, size, {name: weights[name, seed] for name in SOURCES})
    for size in reversed(SIZES)
    for seed in SEEDS
)
rows = [row for part in parts for row in part]


def cell(source, way, size):
    values = [row[-1] for row in rows if row[:3] == (source, way, size)]
    return np.mean(values), np.std(values)


for source in SOURCES:
    print(f"\n{source} source: test accuracy in %, mean ± deviation of {len(SEEDS)} seeds")
    print(f"{'examples a class':17}" + "".join(f"{size:>14}" for size in SIZES))
    for way in WAYS:
        start = "similar" if way == "scratch" else source
        cells = (cell(start, way, size) for size in SIZES)
        print(f"{way:17}" + "".join(f"{mean:8.1f} ± {sd:3.1f}" for mean, sd in cells))

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for axis, source in zip(axes, SOURCES, strict=True):
    for way, marker in zip(WAYS, "os^Dv", strict=True):
        start = "similar" if way == "scratch" else source
        mean, deviation = zip(*(cell(start, way, size) for size in SIZES), strict=True)
        axis.errorbar(SIZES, mean, deviation, marker=marker, capsize=3, label=way)
    axis.set(xscale="log", title=f"{source} source", xlabel="examples a class", xticks=SIZES)
    axis.set_xticks(SIZES, SIZES)
axes[0].set_ylabel("test accuracy, %")
axes[1].legend()
plt.show()

# %% [markdown]
# ## Does scratch catch up? (He, Girshick and Dollár, 2019)
#
# They found that pre-training speeds up the start, and that training from scratch reaches the same
# accuracy with enough data and steps. Here, with the most examples a class of the figure above, all
# layers train from scratch for four times the epochs, beside fine-tuning from the similar source.

# %%
LONG = 4


def curve(seed, way, weights):
    """Returns the accuracy on the test set after each epoch."""
    train, test = target(seed, SIZES[-1])
    epochs = EPOCHS[SIZES[-1]] * (LONG if way == "scratch" else 1)
    tuned = carry_over(network_of(weights), way, train, test, epochs=epochs, seed=seed)
    return [100 * value for value in tuned.history["val_accuracy"]]


few = range(1) if FAST else range(3)
ways = ("scratch", "fine-tune")
found = parallel(delayed(curve)(s, way, weights["similar", s]) for way in ways for s in few)
curves = {way: found[i * len(few) : (i + 1) * len(few)] for i, way in enumerate(ways)}
figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
for way, lines in curves.items():
    mean, deviation = np.mean(lines, 0), np.std(lines, 0)
    epochs = np.arange(1, len(mean) + 1)
    axis.plot(epochs, mean, marker=".", label=way)
    axis.fill_between(epochs, mean - deviation, mean + deviation, alpha=0.2)
    print(f"{way:10}" + " ".join(f"{value:5.1f}" for value in mean))
axis.set(xlabel="epochs", ylabel="test accuracy, %", title=f"{SIZES[-1]} examples a class")
axis.legend()
plt.show()

# %% [markdown]
# ## Which source? Ask the scores before you train
#
# Six sources, and for each the six scores on the target's training examples (features and class
# probabilities of the source's network, one forward pass), beside the accuracy that fine-tuning
# reaches from it. Kendall's τ is 1 where a score ranks the sources as fine-tuning does.


# %%
def upright(rng):
    """Digits 0 to 4, and how each was turned: by 0, 90, 180 or 270 degrees."""
    x, _ = digits(range(5), 200, rng)
    turns = rng.integers(0, 4, len(x))
    return np.stack([np.rot90(image, k) for image, k in zip(x, turns, strict=True)]), turns


def two_photographs(rng):
    x, y = pieces(100, rng)
    return x, y // 5


def any_labels(rng):
    x, y = digits(range(5), 200, rng)
    return x, rng.permutation(y)


OTHERS = {
    "digits 0, 1": lambda rng: digits((0, 1), 400, rng),
    "turned digits": upright,
    "which photograph": two_photographs,
    "any labels": any_labels,
}
SCORES = ("leep", "nce", "logme", "h_score", "trans_rate", "gbc")
SIZE = SIZES[-2]


def judge(seed, weights):
    """Returns the six scores of a source on the target, and what fine-tuning from it reaches."""
    train, test = target(seed, SIZE)
    model, (x, y) = network_of(weights), train
    features = keras.Model(model.inputs, model.get_layer("features").output)
    logits, features = (
        keras.ops.convert_to_numpy(part(x, training=False)) for part in (model, features)
    )
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    given = {"leep": probabilities, "nce": probabilities.argmax(1)}
    scores = [getattr(transfer, score)(given.get(score, features), y) for score in SCORES]
    tuned = carry_over(model, "fine-tune", train, seed=seed)
    return *scores, accuracy(tuned.model, *test)


jobs = [(name, seed) for seed in SEEDS for name in OTHERS]
learnt = parallel(delayed(learn_source)(OTHERS[n], s) for n, s in jobs)
weights |= dict(zip(jobs, learnt, strict=True))
results = parallel(delayed(judge)(seed, w) for (_, seed), w in weights.items())
judged = dict(zip(weights, results, strict=True))
names = [*SOURCES, *OTHERS]
table = np.array([[judged[name, seed] for name in names] for seed in SEEDS])  # seed, source, score
print(f"{'source':18}" + "".join(f"{score:>11}" for score in (*SCORES, "accuracy")))
for name, values in zip(names, table.mean(0), strict=True):
    print(f"{name:18}" + "".join(f"{value:11.3f}" for value in values))
taus = np.array([[stats.kendalltau(t[:, k], t[:, -1])[0] for k in range(6)] for t in table])
means = [stats.kendalltau(table.mean(0)[:, k], table.mean(0)[:, -1])[0] for k in range(6)]
spread = zip(taus.mean(0), taus.std(0), strict=True)
print(f"{'τ, each seed':18}" + "".join(f"{a:6.2f} ±{b:3.1f}" for a, b in spread))
print(f"{'τ of the means':18}" + "".join(f"{tau:11.2f}" for tau in means))

# %%
figure, axes = plt.subplots(2, 3, figsize=(10, 6), sharey=True, layout="constrained")
for k, (axis, score) in enumerate(zip(axes.flat, SCORES, strict=True)):
    for name, values in zip(names, table.mean(0), strict=True):
        axis.plot(values[k], values[-1], "o", label=name)
    axis.set(xlabel=score, title=f"τ = {means[k]:.2f}")
axes[0, 0].set_ylabel("fine-tuned accuracy, %")
axes[1, 0].set_ylabel("fine-tuned accuracy, %")
axes[0, 0].legend(fontsize="x-small")
plt.show()
print(f"\nAll of it took {time.time() - BEGAN:.0f} s.")
