"""Class-balanced batches: time against a plain shuffled pipeline, as ratios.

Run: python benchmarks/sampling.py [examples]
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasnorm.imbalance import resample

BATCH, FEATURES, RATIO, ROUNDS = 32, 16, 100, 7
# rejection_resample is so slow that it runs once, for this many batches
REJECTION_BATCHES = 100


def long_tailed(examples: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    shares = float(RATIO) ** (-np.arange(classes) / (classes - 1))
    y = np.random.default_rng(0).choice(classes, examples, p=shares / shares.sum())
    return np.random.default_rng(1).normal(size=(examples, FEATURES)).astype("float32"), y


def per_batch(dataset: tf.data.Dataset, batches: int, warm: bool = False) -> float:
    """Seconds a batch of one pass; `warm` leaves out what comes before the first batch."""
    start = time.perf_counter()
    iterator = iter(dataset.take(batches + warm))
    if warm:
        next(iterator)
        start = time.perf_counter()
    seen = sum(1 for _ in iterator)
    return (time.perf_counter() - start) / seen


def interleaved(pipelines: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Times every pipeline once a round, so that a busy machine is busy for all of them."""
    times: dict[str, list[float]] = {name: [] for name in pipelines}
    for _ in range(rounds):
        for name, measure in pipelines.items():
            times[name].append(measure())
    return times


def main(examples: int) -> None:
    print(f"{examples} x {FEATURES} floats, ratio {RATIO}, batch {BATCH}: time against shuffling")
    print(f"{'classes':>8}  {'pipeline':<18}  {'ms a batch':>10}  {'min':>7}  {'median':>7}")
    for classes in (10, 100, 1000):
        x, y = long_tailed(examples, classes)
        plain = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(examples, seed=0).batch(BATCH)
        ours = resample((x, y), batch_size=BATCH)
        rejection = (
            tf.data.Dataset.from_tensor_slices((x, y))
            .shuffle(examples, seed=0)
            .repeat()
            .rejection_resample(lambda x, y: tf.cast(y, tf.int32), np.full(classes, 1 / classes))
            .batch(BATCH)
        )
        whole = -(-examples // BATCH)
        times = interleaved(
            {
                "shuffle": lambda plain=plain, n=whole: per_batch(plain, n),
                "resample": lambda ours=ours, n=whole: per_batch(ours, n),
            },
            ROUNDS,
        )
        times["rejection_resample"] = [per_batch(rejection, REJECTION_BATCHES, warm=True)]
        for name, seconds in times.items():
            ratios = [
                min(seconds) / min(times["shuffle"]),
                statistics.median(seconds) / statistics.median(times["shuffle"]),
            ]
            print(
                f"{classes:>8}  {name:<18}  {1e3 * min(seconds):>10.3f}"
                f"  {ratios[0]:>7.2f}  {ratios[1]:>7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
