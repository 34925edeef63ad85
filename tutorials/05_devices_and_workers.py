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
# # Several devices and workers: the same training, divided
#
# Divided over several devices, Keras trains something else: batch normalization sees a part of the
# batch, and images of unequal parts get unequal weights. kerasnorm's `fit` ends with the weights of
# one device, even after a worker was killed. One CPU stands for four devices. Minutes on two cores.
# On Colab: `pip install "kerasnorm[vision] @ git+https://github.com/kerasnorm/kerasnorm"`.

# %%
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
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
from kerasnorm.distribute import DistributedModel

FAST = bool(os.environ.get("KERASNORM_FAST"))  # seconds, not minutes; its figures mean nothing
SEEDS = range(1) if FAST else range(3)
BEGAN = time.time()
FIGURES = os.environ.get("KERASNORM_FIGURES")  # a folder to save the figures in
COLORS = ("#0072B2", "#D55E00", "#CC79A7", "#555555")  # told apart by all eyes
MARKERS = "osD^"
tf.get_logger().setLevel("ERROR")  # each strategy tells of its devices


def show(name):
    if FIGURES:
        Path(FIGURES).mkdir(parents=True, exist_ok=True)
        plt.savefig(Path(FIGURES, f"05_{name}.png"), dpi=100)
    plt.show()
    plt.close()


def spread(values):
    """Returns "mean ± deviation" of the seeds' values."""
    return f"{np.mean(values):.1f} ± {np.std(values):.1f}"


def apart(found, expected):
    """Returns the largest absolute difference of two lists of arrays."""
    return max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True))


# %% [markdown]
# ## Four devices
#
# TensorFlow divides the CPU if it is told so before anything else runs on it: before the first
# model, and before the first tensor. With GPUs there is nothing to divide, and
# `kn.distribute.current_strategy()` finds them.

# %%
DEVICES = 2 if FAST else 4
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * DEVICES)


def replicas(count):
    """Returns a strategy; several in one program need this way of adding up."""
    devices = [f"CPU:{index}" for index in range(count)]
    return tf.distribute.MirroredStrategy(devices, tf.distribute.ReductionToOneDevice())


print(*tf.config.list_logical_devices("CPU"), sep="\n")

# %% [markdown]
# ## 1. What a device normalizes by
#
# Batch normalization takes the statistics of the images that it sees. On a device these are its own
# part of the batch. Here are eight values per channel, two on each of four devices, whose means are
# far apart:

# %%
values = np.random.default_rng(0).normal(size=(2 * DEVICES, 3)).astype("float32")
values += np.repeat(np.arange(DEVICES), 2)[:, None]


def on_replicas(make, x):
    """Returns what a layer makes of x, an equal part of it on each device."""
    strategy = replicas(DEVICES)
    with strategy.scope():
        layer = make()
        layer.build(x.shape)

    def own(context):
        index = context.replica_id_in_sync_group
        return tf.constant(np.split(x, DEVICES)[index])

    parts = strategy.experimental_distribute_values_from_function(own)
    step = tf.function(lambda part: layer(part, training=True))
    return np.concatenate(strategy.experimental_local_results(strategy.run(step, [parts])))


whole = kn.BatchNormalization()(values, training=True).numpy()
twos = np.concatenate(
    [kn.BatchNormalization()(part, training=True) for part in np.split(values, DEVICES)]
)
divided = on_replicas(kn.BatchNormalization, values)
synchronous = on_replicas(kn.SyncBatchNormalization, values)
print(f"largest difference of outputs up to {np.abs(whole).max():.1f}, on {DEVICES} devices from …")
print(f"batch normalization from batches of two:  {apart([divided], [twos]):.0e}")
print(f"batch normalization from the whole batch: {apart([divided], [whole]):.0e}")
print(f"synchronous from the whole batch:         {apart([synchronous], [whole]):.0e}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for axis, (title, found) in zip(
    axes,
    {"batch normalization": divided, "synchronous batch normalization": synchronous}.items(),
    strict=True,
):
    for device in range(DEVICES):
        part = slice(2 * device, 2 * device + 2)
        settings = {"color": COLORS[device], "label": f"device {device}"}
        axis.plot(whole[part].ravel(), found[part].ravel(), MARKERS[device], **settings)
    line = [whole.min(), whole.max()]
    axis.plot(line, line, color="#555555", linewidth=1, zorder=0)
    axis.set(xlabel="output on one device, from all of the batch", title=title)
axes[0].set_ylabel(f"output on {DEVICES} devices")
axes[1].legend(loc="upper left")
figure.suptitle(
    "Two values a device: alone it makes −1 and 1 of most, synchronously what one device makes"
)
show("outputs")

# %% [markdown]
# From two values batch normalization makes −1 and 1: which of the two is larger is all that is left
# of them (two that are nearly the same come out smaller, by epsilon). It is what one device would
# do with batches of two, bitwise, and up to 2 away from what it does with the whole batch.
# Synchronous batch normalization differs from that by 5e-7, which is rounding.
#
# ## 2. What that does to a training
#
# scikit-learn's digits, at random places on noise, and a small network whose last normalization
# has one value per channel and image: batches of 8, on one device and on four with two images each.
# `convert_sync_batchnorm` makes the layers synchronous, `prepare` makes a model whose `fit` is
# divided.

# %%
SIDE, CLASSES, BATCH = 12, 10, 2 * DEVICES
TRAIN, TEST, EPOCHS = (20, 40, 1) if FAST else (400, 800, 6)


def images(count, seed, test=False):
    """Returns images (N, 12, 12, 1) and labels; no digit is both in training and in test."""
    rng, data = np.random.default_rng((seed, test)), load_digits()
    order = np.random.default_rng(seed).permutation(len(data.target))
    chosen = order[800 : 800 + count] if test else order[:count]
    noisy = 0.1 * rng.normal(size=(count, SIDE, SIDE, 1))
    for image, digit in zip(noisy, data.images[chosen] / 16, strict=True):
        row, column = rng.integers(1, 4, 2)
        image[row : row + 8, column : column + 8, 0] += digit
    return noisy.astype("float32"), data.target[chosen]


def network():
    x = inputs = keras.Input((SIDE, SIDE, 1))
    for filters in (16, 32):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(kn.BatchNormalization(momentum=0.9)(x))
    x = layers.Dense(32, use_bias=False)(layers.Flatten()(x))
    x = layers.ReLU()(kn.BatchNormalization(momentum=0.9)(x))
    return keras.Model(inputs, layers.Dense(CLASSES)(x))


class Way:
    """A model that is compiled once, and trained from other weights for each seed."""

    def __init__(self, convert, count):
        model = convert(network())
        self.model = model if count == 1 else kn.distribute.prepare(model, replicas(count))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(keras.optimizers.SGD(0.05), loss, jit_compile=False, run_eagerly=FAST)

    def train(self, weights, x, y, epochs):
        self.model.set_weights(weights)
        self.model.fit(x, y, BATCH, epochs, 0, shuffle=False)
        return self.model.get_weights()


def as_it_is(model):
    return model


def accuracy(weights, x, y):
    trained.set_weights(weights)  # on one device; the layers' order is the same
    return 100 * np.mean(trained(x, training=False).numpy().argmax(1) == y)


WAYS = {
    "one device": Way(as_it_is, 1),
    f"{DEVICES} devices": Way(as_it_is, DEVICES),
    f"{DEVICES} devices, synchronous": Way(kn.convert_sync_batchnorm, DEVICES),
}
trained = network()
learnt = {name: [] for name in WAYS}  # accuracies by epoch, of each seed
steps = {name: [] for name in WAYS}  # weights after the first few steps
for seed in SEEDS:
    keras.utils.set_random_seed(seed)
    start = network().get_weights()
    x, y = images(TRAIN, seed)
    test = images(TEST, seed, test=True)
    for name, way in WAYS.items():
        steps[name].append(way.train(start, x[: 5 * BATCH], y[: 5 * BATCH], 1))
        weights, found = start, []
        for _ in range(EPOCHS):
            weights = way.train(weights, x, y, 1)
            found.append(accuracy(weights, *test))
        learnt[name].append(found)

print(f"{'':24}{'weights after 5 steps':>24}{'test accuracy':>16}")
for name in WAYS:
    difference = max(map(apart, steps[name], steps["one device"]))
    print(f"{name:24}{difference:>24.0e}{spread(np.array(learnt[name])[:, -1]):>16}")
print(f"{time.time() - BEGAN:.0f} s so far")

# %%
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
for index, (name, found) in enumerate(learnt.items()):
    mean, deviation = np.mean(found, 0), np.std(found, 0)
    epochs = np.arange(1, EPOCHS + 1) + 0.06 * (index - 1)  # side by side
    settings = {"color": COLORS[index], "marker": MARKERS[index], "capsize": 3}
    axis.errorbar(epochs, mean, deviation, label=name, **settings)
title = f"With {BATCH // DEVICES} images a device, only synchronous statistics train alike"
axis.set(xlabel="epochs", ylabel="test accuracy, %", title=title)
axis.legend(loc=(0.55, 0.4))
show("accuracy")

# %% [markdown]
# After five steps the synchronous weights are those of one device, up to 2e-7 (plain: 6e-01), and
# after six epochs it has learnt as much: 61.1 ± 2.5 %, on one device 60.5 ± 2.5 (400 images and 300
# steps are few; rounding grows with the steps, which moves single test images). **Four devices with
# two images each and plain batch normalization end at 28.5 ± 6.0 %.**
#
# How bad it is depends on how many values a channel has. This network ends in a layer with one a
# channel and image, so that there are two. On maps of 12×12 two images have 288, and batches of two
# did no harm in [04_swapping_norms.py](04_swapping_norms.py).
#
# ## 3. The last batch is smaller
#
# 19 images in batches of 16 leave 3, of which one device gets 2 and the other 1. Keras takes the
# mean of the two devices' means, so that the one image counts twice as much as each of the two.
# `DistributedModel` divides by the number of all. Here is a network without normalization, trained
# for two epochs of a batch of 16 and a smaller one: the largest difference of a weight from those
# of one device.

# %%
LAST = (3,) if FAST else range(1, 17)  # images in the last batch


def dense(cls):
    x = inputs = keras.Input((64,))
    return cls(inputs, layers.Dense(CLASSES)(layers.Dense(16, "relu")(x)))


def compiled(cls, strategy=None):
    with (strategy or tf.distribute.get_strategy()).scope():
        model = dense(cls)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=False, run_eagerly=FAST)
    return model


pair = replicas(2)
models = {
    "one device": compiled(keras.Model),
    "keras.Model": compiled(keras.Model, pair),
    "DistributedModel": compiled(DistributedModel, pair),
}
keras.utils.set_random_seed(0)
start = dense(keras.Model).get_weights()
digits = load_digits()
x, y = digits.data / 16, digits.target
differences = {name: [] for name in models if name != "one device"}
for size in LAST:
    weights = {}
    for name, model in models.items():
        model.set_weights(start)
        model.fit(x[: 16 + size], y[: 16 + size], 16, 2, 0, shuffle=False)
        weights[name] = model.get_weights()
    for name, found in differences.items():
        found.append(apart(weights[name], weights["one device"]))
print(f"{'images in the last batch':24}" + "".join(f"{name:>18}" for name in differences))
for index, size in enumerate(LAST):
    print(f"{size:24}" + "".join(f"{found[index]:18.0e}" for found in differences.values()))

# %%
figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
for (name, found), color, marker in zip(differences.items(), COLORS[1::-1], "so", strict=True):
    axis.plot(LAST, found, marker, color=color, label=name)
axis.set(yscale="log", xlabel="images in the last batch", ylabel="largest difference of a weight")
axis.set_title("Keras is off where two devices cannot share a batch equally")
axis.xaxis.get_major_locator().set_params(integer=True)
axis.legend(loc="center right")
show("last_batch")

# %% [markdown]
# Keras' weights are those of one device where the last batch is even, and off by up to 1e-1 where
# it is odd: most for a single image, beside which the other device has none. `DistributedModel`
# stays within 3e-8 for all sizes, an empty part included.
#
# ## 4. Two workers
#
# The same program runs on every machine, and TF_CONFIG says who the others are. This is all of it:

# %%
PROGRAM = '''
import json, os, signal, sys
from pathlib import Path

import keras
import numpy as np

import kerasnorm as kn

folder, name, epochs, killed_in = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
kn.distribute.current_strategy(timeout=float(sys.argv[5]))  # before anything else of TensorFlow
index = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]["index"]


class Killed(keras.callbacks.Callback):
    """Stands for a machine that goes down in the middle of an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        if index == 1 and self.epoch == killed_in and batch == 3:
            os.kill(os.getpid(), signal.SIGKILL)


keras.utils.set_random_seed(0)
layers = [keras.layers.Dense(32), kn.BatchNormalization(), keras.layers.Dense(10)]
model = kn.convert_sync_batchnorm(keras.Sequential([keras.Input((64,)), *layers]))
model = kn.distribute.prepare(model)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
with np.load(folder / "digits.npz") as file:
    x, y = file["x"], file["y"]
callbacks = [*kn.distribute.resume_callbacks(folder / f"{name}-backups"), Killed()]
history = model.fit(x, y, 32, epochs, 0, callbacks)
np.savez(folder / f"{name}-{index}.npz", *model.get_weights(), losses=history.history["loss"])
'''

FOLDER = tempfile.TemporaryDirectory()
Path(FOLDER.name, "train.py").write_text(PROGRAM)
np.savez(Path(FOLDER.name, "digits.npz"), x=x[:170], y=y[:170])
LENGTH = 2 if FAST else 5  # epochs


def free_addresses(count):
    """Returns addresses of this machine that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def begin(name, workers, killed_in=0, started=None, timeout=120):
    """Starts the program on all workers, or on the first few."""
    addresses, processes = free_addresses(workers), []
    for index in range(started or workers):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "TF_CONFIG": json.dumps(task)} if workers > 1 else None
        words = [Path(FOLDER.name, "train.py"), FOLDER.name, name, LENGTH, killed_in, timeout]
        command = [sys.executable, *map(str, words)]
        processes.append(
            subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        )
    return processes


def end(processes):
    """Waits for processes and returns how each of them ended."""
    ended = []
    for process in processes:
        _, said = process.communicate(timeout=300)
        status = process.returncode
        if status < 0:
            ended.append(f"killed by {signal.Signals(-status).name}")
        else:
            ended.append(f"failed, {said.splitlines()[-1]}" if status else "ended well")
    return ended


def result(name, index=0):
    """Returns the weights and the losses of each epoch that a worker ended with."""
    with np.load(Path(FOLDER.name, f"{name}-{index}.npz")) as file:
        return [file[key] for key in file.files if key != "losses"], file["losses"]


# %% [markdown]
# Alone, and as two workers. Each worker has half of every batch, and both see the same losses:

# %%
jobs = begin("alone", 1), begin("two", 2)
for job in jobs:
    print(*end(job))
alone, alone_losses = result("alone")
two, two_losses = result("two")
other, _ = result("two", index=1)
print(f"largest difference of a weight, two workers and one process: {apart(two, alone):.0e}")
print(f"the same on both workers, to the bit: {apart(two, other) == 0}")
print("losses of one process:", " ".join(f"{loss:.6f}" for loss in alone_losses))
print("losses of two workers:", " ".join(f"{loss:.6f}" for loss in two_losses))
print(f"{time.time() - BEGAN:.0f} s so far")

# %% [markdown]
# ## 5. One of them is killed
#
# Worker 1 is killed in the middle of the third epoch, by SIGKILL, as a machine ends that loses its
# power. The other one says so and ends. Then both are started again, by the same command:

# %%
if not FAST:  # each start of a worker takes seconds
    for index, ended in enumerate(end(begin("killed", 2, killed_in=3))):
        print(f"worker {index}: {ended}")
    for backup in sorted(Path(FOLDER.name).rglob("epoch-*.npz")):
        print("backup", backup.relative_to(FOLDER.name))
    print("again:", *end(begin("killed", 2)))
    killed, killed_losses = result("killed")
    print("losses after the break:", " ".join(f"{loss:.6f}" for loss in killed_losses))
    print("the same weights as without a break, to the bit:", apart(killed, two) == 0)

# %% [markdown]
# Each worker had written the first two
# epochs to a folder of its own; both went on with the third, with the batches that its number says,
# and end with the same weights as those that nobody disturbed, bitwise.
#
# And if a worker never comes? Everyone has a deadline (300 s unless `current_strategy` is told
# otherwise; here 3):

# %%
if not FAST:
    print(*end(begin("missing", 2, started=1, timeout=3)))
FOLDER.cleanup()

# %% [markdown]
# ## 6. What it costs
#
# Messages. Each all-reduce is a sum over all devices, which all of them wait for. Counted where
# TensorFlow makes them, for one layer of 64 channels, forward and backward:


# %%
class AllReduces:
    """Counts the all-reduces of each replica while a step is traced, and the numbers in them."""

    def __enter__(self):
        self.sizes, self.original = [], tf.distribute.ReplicaContext.all_reduce

        def counted(context, op, value, *args, **kwargs):
            tensors = tf.nest.flatten(value)
            self.sizes.append(sum(tensor.shape.num_elements() for tensor in tensors))
            return self.original(context, op, value, *args, **kwargs)

        tf.distribute.ReplicaContext.all_reduce = counted
        return self

    def __exit__(self, *_):
        tf.distribute.ReplicaContext.all_reduce = self.original


def of_a_layer(make):
    """Returns how many all-reduces a layer makes in a step, and of how many numbers."""
    with pair.scope():
        layer = make()
        layer.build((None, 8, 8, 64))

    def step():
        x = tf.random.normal((4, 8, 8, 64))
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) ** 2)
        return tape.gradient(loss, x)

    with AllReduces() as made:
        tf.function(lambda: pair.run(step)).get_concrete_function()
    return len(made.sizes) // 2, sum(made.sizes) // 2


for name, make in {
    "keras.layers.BatchNormalization(synchronized=True)": lambda: layers.BatchNormalization(
        synchronized=True
    ),
    "kn.SyncBatchNormalization()": kn.SyncBatchNormalization,
}.items():
    count, numbers = of_a_layer(make)
    print(f"{name:52}{count} all-reduces of {numbers} numbers")

# %% [markdown]
# Three messages against Keras' five, of as many numbers. (In return ours passes over the batch
# twice: Keras' variance, E[x²] − E[x]², is off by 1 at a mean of 1,000.) Between machines it is the
# number of messages that counts, and group normalization sends none. Times, and arithmetic for 8 to
# 512 devices, are in [docs/several_gpus.md](../docs/several_gpus.md#what-it-costs).
#
# ## To take away
#
# | you have | do |
# |---|---|
# | several devices, dozens of images on each | leave batch normalization as it is |
# | a few images on each | `convert_sync_batchnorm(model)` before `prepare` |
# | one image on each, or a slow network | `replace_normalization(model, "group")` |
# | batches that cannot be shared equally | `prepare(model)`, or a `DistributedModel` |
# | several machines | the same, and TF_CONFIG; `current_strategy()` before anything else |
# | a job of hours | `resume_callbacks(folder)`, and start all workers again when one is lost |

# %%
print(f"It took {time.time() - BEGAN:.0f} s.")
