"""What a step of several replicas costs: collectives, bytes and time, ours and Keras'.

Of synchronised batch normalization: how many collectives a layer and step makes, and of how many
numbers, counted at `tf.distribute.ReplicaContext.all_reduce`. Of training: the time of a step on
1, 2 and 4 replicas of one machine, `DistributedModel` against `keras.Model`, and the numbers that
it sends. Replicas of one machine share its cores: the ratios say what the division costs, not how
much faster it makes anything.

    python benchmarks/distribute.py
"""

import statistics
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from kerasnorm.distribute import DistributedModel
from kerasnorm.normalization import SyncBatchNormalization

REPLICAS = (1, 2, 4)
SIZE, CLASSES, BATCH, ROUNDS = 32, 10, 64, 12


def strategy(count: int) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(count)], tf.distribute.ReductionToOneDevice()
    )


class Counted:
    """Counts the all-reduces of a traced step on each replica, and the numbers in them."""

    def __init__(self, replicas: int):
        self._replicas, self._sizes = replicas, []

    def __enter__(self):
        self._original = original = tf.distribute.ReplicaContext.all_reduce

        def all_reduce(context, op, value, *args, **kwargs):
            tensors = tf.nest.flatten(value)
            self._sizes.append(sum(tensor.shape.num_elements() for tensor in tensors))
            return original(context, op, value, *args, **kwargs)

        tf.distribute.ReplicaContext.all_reduce = all_reduce
        return self

    def __exit__(self, *_):
        tf.distribute.ReplicaContext.all_reduce = self._original

    @property
    def result(self) -> tuple[int, int]:
        """Returns how many there were on a replica, and the numbers in all of them."""
        return len(self._sizes) // self._replicas, sum(self._sizes) // self._replicas


def of_a_layer(make: Callable[[], keras.layers.Layer]) -> tuple[int, int]:
    """Returns the collectives of a layer of 64 channels, forward and backward, and their size."""
    devices = strategy(2)
    with devices.scope():
        layer = make()
        layer.build((None, 8, 8, 64))

    def step():
        x = tf.random.normal((4, 8, 8, 64))
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) ** 2)
        return tape.gradient(loss, x)

    with Counted(2) as counted:
        tf.function(lambda: devices.run(step)).get_concrete_function()
    return counted.result


def network(cls: type, sync: Callable[[], keras.layers.Layer]) -> keras.Model:
    x = inputs = keras.Input((SIZE, SIZE, 3))
    for filters in (32, 64, 128):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(sync()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return cls(inputs, keras.layers.Dense(CLASSES)(x))


def stepper(cls: type, sync: Callable[[], keras.layers.Layer], count: int) -> Callable[[], None]:
    """Returns what makes some steps of training and waits for their end."""
    devices = strategy(count)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with devices.scope():
        model = network(cls, sync)
        model.compile("adam", loss, metrics=["accuracy"], jit_compile=False)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, SIZE, SIZE, 3)).astype("float32")
    data = tf.data.Dataset.from_tensors((x, rng.integers(0, CLASSES, BATCH))).repeat()
    batches = iter(devices.experimental_distribute_dataset(data))
    model.make_train_function()
    model._maybe_symbolic_build(data_batch=(x, np.zeros(BATCH)))

    def steps():
        for _ in range(5):
            logs = model.train_function(batches)
        float(logs["loss"])

    steps()
    return steps


def sent() -> tuple[int, int]:
    """Returns the collectives of a step of ours, and their size in numbers."""
    with Counted(2) as counted:
        stepper(DistributedModel, SyncBatchNormalization, 2)
    return counted.result


def sizes(model: keras.Model) -> tuple[int, int]:
    """Returns the collectives of a step of a model with synchronised layers, and their numbers.

    Three a normalization layer, of its sums, squares and gradients; the gradients; the examples;
    what counts in the loss.
    """
    channels = [layer.moving_mean.shape[0] for layer in model.layers if hasattr(layer, "momentum")]
    parameters = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    return 3 * len(channels) + 3, parameters + sum(5 * c + 2 for c in channels) + 2


def projected(calls: int, numbers: int, replicas: int, bandwidth: float, latency: float) -> float:
    """Returns the seconds that the collectives of a step take in a ring, none beside another.

    Each sends 2 (R − 1) / R of its bytes over every link, in 2 (R − 1) messages, or for short ones,
    by trees, in 2 log₂ R.
    """
    share = 2 * (replicas - 1) / replicas
    return share * 4 * numbers / bandwidth + calls * 2 * np.log2(replicas) * latency


def scaling() -> Table:
    table = Table(title="Milliseconds of communication a step, beyond this machine")
    for heading in ("model", "all-reduces", "MB", "network", *(f"{r} replicas" for r in FAR)):
        table.add_column(heading)
    for name in ("MobileNetV2", "ResNet50", "EfficientNetB0"):
        calls, numbers = sizes(getattr(keras.applications, name)(weights=None))
        for label, bandwidth, latency in NETWORKS:
            times = (projected(calls, numbers, replicas, bandwidth, latency) for replicas in FAR)
            cells = (str(calls), f"{4e-6 * numbers:.0f}", label, *(f"{1e3 * t:.0f}" for t in times))
            table.add_row(name, *cells)
    return table


FAR = (8, 64, 512)
NETWORKS = (("10 Gb/s, 50 µs", 1.25e9, 5e-5), ("100 Gb/s, 5 µs", 1.25e10, 5e-6))


def keras_sync() -> keras.layers.Layer:
    return keras.layers.BatchNormalization(synchronized=True)


WAYS = {
    "kerasnorm": (DistributedModel, SyncBatchNormalization),
    "Keras": (keras.Model, keras_sync),
}


def main() -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
    console = Console()
    table = Table(title="Synchronised batch normalization of 64 channels, a step")
    for heading in ("layer", "collectives", "numbers sent a replica"):
        table.add_column(heading)
    for name, make in (("kerasnorm", SyncBatchNormalization), ("Keras", keras_sync)):
        table.add_row(name, *map(str, of_a_layer(make)))
    console.print(table)
    steps = {
        (name, count): stepper(*way, count) for name, way in WAYS.items() for count in REPLICAS
    }
    times: dict[tuple[str, int], list[float]] = {key: [] for key in steps}
    for _ in range(ROUNDS):
        for key, run in steps.items():
            begin = time.perf_counter()
            run()
            times[key].append((time.perf_counter() - begin) / 5 * 1e3)
    table = Table(title=f"Milliseconds a step, batch {BATCH} of {SIZE}×{SIZE}: best (median)")
    for heading in ("replicas", *WAYS, "kerasnorm over Keras"):
        table.add_column(heading)
    for count in REPLICAS:
        ours, theirs = (times[name, count] for name in WAYS)
        cells = [f"{min(each):.1f} ({statistics.median(each):.1f})" for each in (ours, theirs)]
        table.add_row(str(count), *cells, f"{min(ours) / min(theirs):.2f}")
    console.print(table)
    counted, expected = sent(), sizes(network(keras.Model, SyncBatchNormalization))
    if counted != expected:
        raise AssertionError(f"A step sends {counted}, and should {expected}.")
    console.print("A step of kerasnorm's makes {} all-reduces of {} numbers.".format(*counted))
    console.print(scaling())


if __name__ == "__main__":
    sys.exit(main())
