"""Measures which of your own tasks transfer to which."""

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm._types import StrPath
from kerasnorm._validation import as_int, as_number
from kerasnorm.backups import checksum, describe, versions
from kerasnorm.data import count_examples
from kerasnorm.transfer.tasks._affinities import Affinities
from kerasnorm.transfer.tasks._arguments import (
    read_encoders,
    read_tasks,
    subsets,
)
from kerasnorm.transfer.tasks._cost import Cost
from kerasnorm.transfer.tasks._estimates import estimate_affinity
from kerasnorm.transfer.tasks._features import Features, HeadBatches, joined_shape
from kerasnorm.transfer.tasks._probe import probe_encoder, probe_step
from kerasnorm.transfer.tasks._records import Records, Transfer
from kerasnorm.transfer.tasks._task import Task
from kerasnorm.transfer.tasks._training import Training
from kerasnorm.transfer.tasks._transfer_head import TransferHead


class TaskAffinity:
    """Trains a small head on every frozen encoder for every task, and compares them.

    Use it to decide which of several tasks to label or to pretrain on. The features of each encoder
    are computed once. A head starts from the same weights and sees the same batches on
    every encoder; transfers to a task are then compared on each held-out example, and how often one
    does better than another gives their affinities (`affinity_from_wins`): losses of different
    tasks need no common scale.

    Args:
        encoders: S built keras.Model by name, each with one output of features: vectors `(N, d)` or
            maps `(N, h, w, c)`. They are unchanged.
        tasks: T `Task`s, each with N targets. An encoder that was trained for a task has its name.
        x: N examples: an array, or a dict or list of arrays, as all encoders take them.
        order: The most encoders that are joined in one transfer, whose maps have the same size
            then. All subsets of so many or fewer are measured: their number grows fast.
            Defaults to 1.
        validation_split: The share of the examples that is held out for the comparison.
            Defaults to 0.25.
        epochs, batch_size, learning_rate: Settings of the training of heads, by Adam.
        seed: Seed of the split, the heads' weights and the order of the examples. A new head sets
            the global seeds of Python, NumPy and the backend. Defaults to 0.
        directory: Folder for what is measured, transfers.npz, which each transfer replaces. With
            the same folder again, after an interruption or with further encoders and tasks, only
            what is missing is measured. Other examples, settings, targets, losses, heads, encoders
            or versions are refused. None: nothing is kept.
        jit_compile: As in `Model.compile`; False starts sooner on TensorFlow.

    Raises:
        ValueError: If encoders, tasks and examples do not fit, or the directory holds transfers of
            other ones, a damaged file, or files of something else.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(200, 4))
    >>> encoders = {}
    >>> for name, seen in {"left": [1, 1, 0, 0], "right": [0, 0, 1, 1]}.items():
    ...     encoders[name] = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    ...     encoders[name].set_weights([np.diag(seen), np.zeros(4)])
    >>> tasks = [Task("first", x[:, 0], "regression"), Task("last", x[:, 3] > 0, "classification")]
    >>> affinities = TaskAffinity(encoders, tasks, x, jit_compile=False).run(verbose=0)
    >>> [affinities.sources[best] for best in affinities.affinity.argmax(axis=0)]
    ['left', 'right']

    See also:
        `affinity_from_wins`, `task_tree` and `select_sources`, its steps; `debiased_cka`, without
        training.

    Reference:
        Zamir et al., 2018, Taskonomy: disentangling task transfer learning,
        https://arxiv.org/abs/1804.08328
    """

    def __init__(
        self,
        encoders: Mapping[str, keras.Model],
        tasks: Iterable[Task],
        x: Any,
        order: int = 1,
        validation_split: float = 0.25,
        epochs: int = 20,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        seed: int = 0,
        directory: StrPath | None = None,
        jit_compile: bool | str = "auto",
    ) -> None:
        self._training = Training(
            validation_split=as_number("validation_split", validation_split, 0, 1, interval="()"),
            epochs=as_int("epochs", epochs, low=1),
            batch_size=as_int("batch_size", batch_size, low=1),
            learning_rate=as_number("learning_rate", learning_rate, 0, interval="()"),
            seed=as_int("seed", seed, low=0),
        )
        self._x = list(x) if isinstance(x, tuple) else x
        self._count, self._jit_compile = count_examples(x), jit_compile
        self._encoders, self._tasks = read_encoders(encoders), read_tasks(tasks, self._count)
        self._sources = subsets(self._encoders, as_int("order", order, low=1))
        self._learn, self._held_out = self._training.split(self._count)
        described = ({}, {}) if directory is None else (self._fixed(), self._parts())
        self._records = Records(directory, *described)
        # the records' is made when features need it, and removed at the next start after a kill
        self._temporary = self._records.features or Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self._temporary, ignore_errors=True)
        self._features: dict[str, Features] = {}
        self._heads: dict[tuple[str, tuple[int, ...]], TransferHead] = {}

    def cost(self) -> Cost:
        """Returns what is left to do and about how long it takes, from a few steps of each kind.

        Raises:
            ValueError: If an encoder's output is no features, or maps to be joined differ in size.
        """
        every = self._transfers()
        left = [transfer for transfer in every if transfer not in self._records]
        probes = {
            name: probe_encoder(name, self._encoders[name], self._x, self._count)
            for name in dict.fromkeys(name for sources, _ in left for name in sources)
        }
        shapes = {name: shape for name, (shape, _) in probes.items()}
        kinds = [(target, joined_shape(sources, shapes)) for sources, target in left]
        heads = {kind: self._head(*kind) for kind in kinds}
        step = {kind: probe_step(head, self._training.batch_size) for kind, head in heads.items()}
        steps = self._training.epochs * len(self._batches([], every[0][1]))
        sizes = [head.parameters for head in heads.values()]
        return Cost(
            transfers=len(every),
            done=len(every) - len(left),
            steps=steps * len(left),
            parameters=(min(sizes, default=0), max(sizes, default=0)),
            seconds=sum(seconds for _, seconds in probes.values())
            + steps * sum(step[kind] for kind in kinds),
        )

    def estimate(self) -> dict[str, np.ndarray]:
        """Returns scores (S, T) of encoders for tasks without training a head; larger is better.

        Returns:
            "cka": how alike features and targets are, `debiased_cka`; "logme": the score `logme` of
            the features' means over positions, NaN for tasks that have no single label an example.
            Both are of the examples that are not held out, 1000 at most.
        """
        encoders = {name: self._features_of(name) for name in self._encoders}
        return estimate_affinity(encoders, self._tasks.values(), self._learn)

    def run(self, verbose: int = 1) -> Affinities:
        """Measures all transfers that are not recorded yet, and returns what was found.

        Args:
            verbose: 1 prints the cost at the start and shows a progress bar, 0 does neither.
                Defaults to 1.

        Raises:
            InUseError: If another process measures with the same `directory`; an OSError.
            ValueError: If another process has measured other transfers there meanwhile.
        """
        with self._records.held():
            return self._run(verbose)

    def _run(self, verbose: int) -> Affinities:
        if verbose:
            print(self.cost())
        every = self._transfers()
        progress = keras.utils.Progbar(len(every), verbose=verbose, unit_name="transfer")
        for done, transfer in enumerate(every, start=1):
            if transfer not in self._records:
                self._records[transfer] = self._measure(*transfer)
            progress.update(done)
        losses = {
            target: np.stack([self._records[sources, target] for sources in self._sources])
            for target in self._tasks
        }
        return Affinities.of_losses(self._sources, losses, self.estimate())

    def _transfers(self) -> list[Transfer]:
        return [(sources, target) for target in self._tasks for sources in self._sources]

    def _measure(self, sources: tuple[str, ...], target: str) -> np.ndarray:
        """Returns the losses of a transfer on the held-out examples."""
        features = {name: self._features_of(name) for name in sources}
        shapes = {name: values.shape for name, values in features.items()}
        head = self._head(target, joined_shape(sources, shapes))
        head.train(self._batches([*features.values()], target), self._training.epochs)
        return head.losses(self._batches([*features.values()], target, held_out=True))

    def _batches(
        self, features: list[Features], target: str, held_out: bool = False
    ) -> HeadBatches:
        """Returns batches to learn a task from, the same ones on all features, or the held-out."""
        rows = self._held_out if held_out else self._learn
        seed = None if held_out else self._training.seed_of(target)
        targets, size = self._tasks[target].targets, self._training.batch_size
        return HeadBatches(features, targets, rows, size, seed)

    def _features_of(self, name: str) -> Features:
        if name not in self._features:
            path = Path(self._temporary, f"{id(self)}-{len(self._features)}")
            encoder = self._encoders[name]
            self._features[name] = Features(name, encoder, self._x, self._learn, path)
        return self._features[name]

    def _head(self, target: str, shape: tuple[int, ...]) -> TransferHead:
        if (target, shape) not in self._heads:
            self._heads[target, shape] = TransferHead(
                self._tasks[target], shape, self._training, self._jit_compile
            )
        return self._heads[target, shape]

    def _fixed(self) -> dict[str, Any]:
        """What all losses depend on, by name, as JSON has it."""
        x = checksum(*keras.tree.flatten(self._x))
        return {**self._training._asdict(), "x": x, "versions": versions()}

    def _parts(self) -> dict[str, Any]:
        """What the losses of each encoder and each task depend on beside, by its name."""
        return {
            **{f"encoder '{name}'": describe(each) for name, each in self._encoders.items()},
            **{f"task '{name}'": each.describe() for name, each in self._tasks.items()},
        }
