# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Another normalization in a pretrained model
#
# What if only two images fit into a batch, if they look unlike those of the source, or if the
# network should run fast? This tutorial takes one pretrained network and replaces, freezes,
# synchronizes, recomputes and folds its batch normalization, and measures each. Minutes on two
# cores.
# On Colab: `pip install "kerasnorm[vision] @ git+https://github.com/kerasnorm/kerasnorm"`.

# %%
import functools
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # the batches are too small to be shared out

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.datasets import load_digits

import kerasnorm as kn
from kerasnorm.transfer import replace_head

FAST = bool(os.environ.get("KERASNORM_FAST"))  # seconds, not minutes; its figures mean nothing
SEEDS = range(1) if FAST else range(3)
BEGAN = time.time()
FIGURES = os.environ.get("KERASNORM_FIGURES")  # a folder to save the figures in
COLORS = ("#0072B2", "#56B4E9", "#D55E00", "#CC79A7", "#555555")  # told apart by all eyes
MARKERS = "os^Dv"
tf.config.run_functions_eagerly(FAST)  # a few steps take less time than their tracing


def show(name):
    if FIGURES:
        Path(FIGURES).mkdir(parents=True, exist_ok=True)
        plt.savefig(Path(FIGURES, f"04_{name}.png"), dpi=100)
    plt.show()
    plt.close()


def spread(values):
    """Returns "mean ± deviation" of the seeds' values."""
    return f"{np.mean(values):.1f} ± {np.std(values):.1f}"


# %% [markdown]
# ## The pretrained model
#
# It has learnt scikit-learn's digits 0 to 4, at random places on noise; the target is the digits
# 5 to 9. No digit is both in training and in test images.

# %%
SIDE, SOURCE, TARGET = 12, range(5), range(5, 10)


def images(classes, count, seed, test=False):
    """Returns images (N, 12, 12, 1), `count` of each class, and labels from 0."""
    rng = np.random.default_rng((seed, test))
    data = load_digits()
    x, y = [], np.repeat(np.arange(len(classes)), count)
    for name in classes:
        own = np.random.default_rng(seed).permutation(np.flatnonzero(data.target == name))
        own = own[120:] if test else own[:120]  # of the 174 or more that there are
        x.append(data.images[rng.choice(own, count)])
    x = np.concatenate(x) / 16
    noisy = 0.1 * rng.normal(size=(len(x), SIDE, SIDE, 1))
    for image, digit in zip(noisy, x, strict=True):
        row, column = rng.integers(1, 4, 2)
        image[row : row + 8, column : column + 8, 0] += digit
    return noisy.astype("float32"), y


def network():
    """Conv → Norm → ReLU → Pool, three times, and a head that gives logits; Keras' own layers."""
    inputs = x = keras.Input((SIDE, SIDE, 1), name="images")
    for block, filters in enumerate((16, 32, 64), start=1):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{block}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{block}")(x)
        x = layers.ReLU(name=f"relu{block}")(x)
        x = layers.MaxPooling2D(name=f"pool{block}")(x)
    return keras.Model(inputs, layers.Dense(5, name="head")(layers.Flatten(name="flat")(x)))


def accuracy(model, x, y):
    return 100 * np.mean(keras.ops.convert_to_numpy(model(x, training=False)).argmax(1) == y)


class Learner:
    """A model that is traced once, and trained from given weights each time.

    `fit` would do as well; for steps this small, a loop inside `tf.function` takes a fraction of
    the time.
    """

    def __init__(self, model):
        self.model = model
        self.optimizer = keras.optimizers.Adam()
        self.optimizer.build(model.trainable_variables)
        self.start = [keras.ops.convert_to_numpy(each) for each in self.optimizer.variables]

    def restart(self, weights, rate):
        self.model.set_weights(weights)
        for variable, value in zip(self.optimizer.variables, self.start, strict=True):
            variable.assign(value)
        self.optimizer.learning_rate = rate

    def epoch(self, x, y, batch, seed):
        order = np.random.default_rng(seed).permutation(len(x) - len(x) % batch)
        self.steps(tf.constant(x), tf.constant(y), tf.constant(order.reshape(-1, batch)))

    @tf.function(reduce_retracing=True)
    def steps(self, x, y, order):
        weights = self.model.trainable_variables
        for index in order:
            with tf.GradientTape() as tape:
                logits = self.model(tf.gather(x, index), training=True)
                loss = LOSS(tf.gather(y, index), logits)
            self.optimizer.apply(tape.gradient(loss, weights), weights)


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def pretrain(seeds):
    """Returns a model for each seed."""
    models, learner = {}, Learner(network())
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        models[seed] = network()
        learner.restart(models[seed].get_weights(), 3e-3)
        for epoch in range(1 if FAST else 6):
            learner.epoch(*images(SOURCE, 32 if FAST else 256, seed), 32, (seed, epoch))
        models[seed].set_weights(learner.model.get_weights())
    return models


pretrained = pretrain(SEEDS)
test = {seed: images(SOURCE, 20 if FAST else 100, seed, test=True) for seed in SEEDS}
clean = [accuracy(pretrained[seed], *test[seed]) for seed in SEEDS]
print(f"test accuracy on the source: {spread(clean)} % ({len(SEEDS)} seeds)")
print(kn.inspect(pretrained[SEEDS[0]]))

# %% [markdown]
# ## 1. A new task, two images per batch
#
# What can be done, each in a line. Every way starts from the same pretrained weights with a new
# head, and trains all layers; "new weights" is there to see what the pretraining is still worth
# after a swap.


# %%
def keep(model):
    return model


def freeze_statistics(model):
    kn.freeze_statistics(model)
    return model


def to_group(model, **settings):
    return kn.replace_normalization(model, "group", groups=8, **settings).model


WAYS = {
    "keep batch norm": keep,
    "freeze its statistics": freeze_statistics,
    "group norm": to_group,
    "group norm, standardized kernels": functools.partial(to_group, weight_standardization=True),
    "group norm, new weights": lambda model: to_group(network()),
}


def start(seed):
    """Returns the pretrained model with a new head."""
    keras.utils.set_random_seed(seed)
    return replace_head(pretrained[seed], classes=5)


# %% [markdown]
# What two of them look like, layer by layer:

# %%
print(kn.inspect(freeze_statistics(start(SEEDS[0]))), end="\n\n")
new, report = kn.replace_normalization(
    start(SEEDS[0]), "group", groups=8, weight_standardization=True
)
print(kn.inspect(new), report, sep="\n\n")

# %% [markdown]
# 32 images of each class, for eight epochs, two at a time; and for comparison 32 at a time. The
# rates of Adam are 1e-3 and 3e-3, the same for all ways.

# %%
COUNT, EPOCHS = (7, 1) if FAST else (32, 8)
RATES = {2: 1e-3, 32: 3e-3}


def learn(learner, weights, batch, seed):
    """Returns the test accuracy before training and after each epoch."""
    train = images(TARGET, COUNT, seed)
    test = images(TARGET, 10 if FAST else 100, seed, test=True)
    learner.restart(weights, RATES[batch])
    found = [accuracy(learner.model, *test)]
    for epoch in range(EPOCHS):
        learner.epoch(*train, batch, (seed, epoch))
        found.append(accuracy(learner.model, *test))
    return found


learnt = {}  # (epochs, seeds)
for name, way in WAYS.items():
    models = {seed: way(start(seed)) for seed in SEEDS}
    learner = Learner(way(start(SEEDS[0])))
    for batch in RATES:
        found = [learn(learner, models[seed].get_weights(), batch, seed) for seed in SEEDS]
        learnt[name, batch] = np.transpose(found)

print(f"test accuracy in %, mean ± deviation of {len(SEEDS)} seeds")
print(f"{'':33}{'batches of 2':>24}{'':12}{'batches of 32':>16}")
print(f"{'':33}" + f"{'1 epoch':>14}{f'{EPOCHS} epochs':>14}" * 2)
for way in WAYS:
    cells = (spread(learnt[way, batch][epoch]) for batch in RATES for epoch in (1, -1))
    print(f"{way:33}" + "".join(f"{cell:>14}" for cell in cells))
print(f"{time.time() - BEGAN:.0f} s so far")

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 5), sharey=True, layout="constrained")
for axis, batch in zip(axes, RATES, strict=True):
    for index, way in enumerate(WAYS):
        values = learnt[way, batch]
        epochs = np.arange(len(values)) + 0.08 * (index - 2)  # side by side
        settings = {"color": COLORS[index], "marker": MARKERS[index], "markersize": 4}
        axis.errorbar(epochs, values.mean(1), values.std(1), capsize=2, label=way, **settings)
    axis.set(xlabel="epochs", title=f"batches of {batch}")
axes[0].set_ylabel("test accuracy, %")
figure.suptitle("At 2 all ways end close together; at 32 plain group norm learns slowly")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
show("ways")

# %% [markdown]
# What three seeds say (seeds 0 to 2, one run):
#
# - **Keeping batch norm at batches of 2 works here**: 88.3 ± 1.4 % after eight epochs, as at 32
#   (88.3 ± 0.6). Two images are not so few: on maps of 12×12 they give 288 values per channel, and
#   in the last block, on 3×3, still 18.
# - **Group norm ends ahead at 2**, at 90.7 ± 1.0 %, but begins behind: 50.7 after one epoch, where
#   batch norm has 66.7. At 32 images per batch, with a sixteenth of the steps, it is not there
#   after eight epochs: 74.4 ± 8.9.
# - **With standardized kernels the swap costs no time**: the fastest start of all (70.1 and 56.9 %
#   after one epoch), and 88.9 and 88.7 % in the end. It is the way to swap if steps are few.
# - **Frozen statistics are enough at 2** (88.3 %) and hold the network back at 32 (79.0, where
#   those of the batch give 88.3).
# - **Little is left of the pretraining after a plain swap**: from new weights the same network ends
#   4 points lower at 2, and 2 higher at 32. It is a start: 8 points after the first epoch at 2.
#
# ## 2. Several devices: synchronous, and back
#
# If there are more devices, each with two images, the batch need not be small: synchronous batch
# normalization spans them all. The conversion changes no bit at inference, and the way back gives
# the model as it was.

# %%
x, _ = test[SEEDS[0]]
model = pretrained[SEEDS[0]]
synchronous = kn.convert_sync_batchnorm(model)
back = kn.revert_sync_batchnorm(synchronous)
for name, each in (("synchronous", synchronous), ("and back", back)):
    same = np.array_equal(model.predict(x, verbose=0), each.predict(x, verbose=0))
    print(f"{name:12} {type(each.get_layer('norm1')).__name__:28} the same bits: {same}")
print("the same config after both:", model.get_config() == back.get_config())

# %% [markdown]
# How to train it on several devices, and what that costs, is in
# [docs/several_gpus.md](../docs/several_gpus.md).
#
# ## 3. Another domain, no labels
#
# The source's digits again, but seen through fog, on noise, or as a negative. The pretrained model
# stays as it is, and so do its weights: only the statistics of batch normalization are computed
# anew, from unlabelled images of the new domain (none of them a test image).

# %%
SHIFTS = {
    "fog": lambda x: 0.3 * x + 0.6,
    "noise": lambda x: x + np.random.default_rng(0).normal(0, 0.4, x.shape).astype("float32"),
    "negative": lambda x: 1 - x,
}
SIZES = (10, 100) if FAST else (5, 10, 20, 50, 200, 1000)  # of all classes together

figure, axes = plt.subplots(1, 4, figsize=(7, 2.1), layout="constrained")
for axis, name in zip(axes, ("the source", *SHIFTS), strict=True):
    x = test[SEEDS[0]][0][:1]
    axis.imshow(SHIFTS.get(name, lambda x: x)(x)[0], cmap="gray", vmin=-0.2, vmax=1.2)
    axis.set_title(name)
    axis.axis("off")
show("domains")


def by_statistics(shift, seed):
    """Returns accuracies with old statistics, with those of n images, and of one class's."""
    model = keras.models.clone_model(pretrained[seed])
    x, y = test[seed]
    x = shift(x)
    found = []
    unlabelled, classes = images(SOURCE, max(SIZES) // 5, seed)
    order = np.random.default_rng(seed).permutation(len(unlabelled))
    alike = np.flatnonzero(classes == 0)
    for chosen in ([], *(order[:size] for size in SIZES), alike):
        model.set_weights(pretrained[seed].get_weights())
        if len(chosen):
            kn.recompute_statistics(model, [shift(unlabelled[chosen])])
        found.append(accuracy(model, x, y))
    return found


shifted = {
    name: np.transpose([by_statistics(shift, seed) for seed in SEEDS])
    for name, shift in SHIFTS.items()
}
columns = ("source's", *map(str, SIZES), "one class")
print(f"{'statistics of':14}" + "".join(f"{column:>13}" for column in columns))
for name, values in shifted.items():
    print(f"{name:14}" + "".join(f"{spread(row):>13}" for row in values))
print(f"(without a shift: {spread(clean)})")

# %%
figure, axis = plt.subplots(figsize=(8, 4.2), layout="constrained")
places = np.arange(len(columns))
for index, (name, values) in enumerate(shifted.items()):
    settings = {"color": COLORS[2 * index], "marker": MARKERS[index], "capsize": 3}
    for part, label in ((slice(0, 1), None), (slice(1, -1), name), (slice(-1, None), None)):
        mean, deviation = values[part].mean(1), values[part].std(1)
        axis.errorbar(places[part] + 0.05 * index, mean, deviation, label=label, **settings)
axis.axhline(np.mean(clean), color="#555555", linestyle=":", label="no shift")
axis.set_xticks(places, ["the source", *map(str, SIZES), f"{max(SIZES) // 5}, of\none class"])
axis.set(xlabel="statistics of how many unlabelled images", ylabel="test accuracy, %")
axis.set_title("Five unlabelled images do most of what new statistics can do")
figure.legend(loc="outside right center")
show("shift")

# %% [markdown]
# - **Fog**, which is a change of mean and deviation, costs 79 points (99.1 to 20.1 %), and new
#   statistics give back 65 of them, from as few as five images (84.5 ± 3.9 %). Part of the
#   rest may be the borders: the zeros that convolutions pad with are no longer the paper's shade.
# - **Noise**: 37.0 to 66.0 %. The statistics fit again, but the digits are still as hard to see.
# - **Negative**: 24.8 to 40 %: not enough to use. What the filters look for is not there, and no
#   mean or variance can change that; it takes labels and training.
# - **Images of one class** cost 0 to 5 points against images of all. Draw them as they will come.
#
# ## 4. Inference: fold it
#
# At inference batch normalization is one product and one sum per channel, which fit into the
# convolution before it.

# %%
folded = kn.fold_batchnorm(model)
print(kn.inspect(folded))
for seed in SEEDS:
    x, _ = test[seed]
    folded = kn.fold_batchnorm(pretrained[seed])
    outputs = pretrained[seed].predict(x, verbose=0), folded.predict(x, verbose=0)
    apart, largest = np.abs(outputs[0] - outputs[1]).max(), np.abs(outputs[0]).max()
    print(f"seed {seed}: the largest difference is {apart:.0e}, of logits up to {largest:.0f}")

# %% [markdown]
# How much faster? The two models take turns, so that whatever else the machine does hits both; the
# ratio of their times has its quartiles beside it.


# %%
def times(model, x, turns):
    """Returns the seconds of a model and of its folded copy, turn by turn."""
    calls = [tf.function(functools.partial(each, training=False)) for each in model]
    x = tf.constant(x)
    seconds = np.empty((turns, 2))
    for turn in range(-3, turns):  # the first ones trace and warm up
        for index, call in enumerate(calls):
            began = time.perf_counter()
            call(x)
            if turn >= 0:
                seconds[turn, index] = time.perf_counter() - began
    return seconds


MODELS = {"ours": model}
if not FAST:
    size = (96, 96, 3)
    MODELS["MobileNetV2"] = keras.applications.MobileNetV2(size, weights=None)
for name, each in MODELS.items():
    pair = each, kn.fold_batchnorm(each)
    for batch in (1, 32):
        x = np.random.default_rng(0).normal(size=(batch, *each.input_shape[1:])).astype("float32")
        seconds = times(pair, x, 5 if FAST else 60)
        low, middle, high = np.percentile(seconds[:, 0] / seconds[:, 1], (25, 50, 75))
        before, after = 1e3 * np.median(seconds, axis=0)
        print(
            f"{name:12} batch {batch:2}: {before:6.2f} ms, folded {after:6.2f} ms: "
            f"{middle:.2f} times as fast (quartiles {low:.2f} to {high:.2f})"
        )

# %% [markdown]
# Folding changes logits of up to 16 by less than 1e-5. For the small network it saves an eighth to
# a sixth of the time, for MobileNetV2, which has 52 batch normalizations, a third: 1.4 times as
# fast with one image and 1.6 times with 32. (On one thread of a CPU beside other work; the
# quartiles say how steady that was.)
#
# ## To take away
#
# | you have | do |
# |---|---|
# | two images per batch, and large maps | keep batch norm first; measure it |
# | two images per batch, and time to train | `replace_normalization(model, "group")` |
# | the same, and few steps | … with `weight_standardization=True` |
# | several devices, a few images on each | `convert_sync_batchnorm`; to export, the way back |
# | statistics that must stay as they are | `freeze_statistics`: γ and β still train |
# | unlabelled images of another camera | `recompute_statistics`; a dozen may do |
# | a network that is trained | `fold_batchnorm` before it is used |
#
# And look at `inspect(model)` before and after: what is normalized over which axes, what trains,
# whose statistics move.

# %%
print(f"It took {time.time() - BEGAN:.0f} s.")
