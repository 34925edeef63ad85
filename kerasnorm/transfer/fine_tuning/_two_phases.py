"""The two phases of fine-tuning: the head alone, then what lies below it too."""

import contextlib
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras

from kerasnorm._claims import part_of
from kerasnorm.data import Batches
from kerasnorm.models import find_head, gives_maps, leaves
from kerasnorm.transfer._freeze import freeze, unfreeze
from kerasnorm.transfer._region import Boundary
from kerasnorm.transfer.fine_tuning._averaged_weights import AveragedWeights
from kerasnorm.transfer.fine_tuning._best_weights import BestWeights
from kerasnorm.transfer.fine_tuning._epoch_logs import Logs
from kerasnorm.transfer.fine_tuning._feature_batches import FeatureBatches
from kerasnorm.transfer.fine_tuning._head_split import HeadSplit, base_at_inference, split_at_head
from kerasnorm.transfer.fine_tuning._optimizing import Optimizing
from kerasnorm.transfer.fine_tuning._resumable_fits import Stages
from kerasnorm.transfer.fine_tuning._solved_head import solve_into, solve_into_maps

Optimize = Callable[[keras.Model], Optimizing]  # of what trains


@dataclass(frozen=True)
class TwoPhases:
    """A classifier and how it is trained.

    Attributes:
        model: the classifier.
        outer: the same behind the augmentation, or itself.
        data: (train, validation), as `read_batches` returns them; validation may be None.
        stages: what the phases have in common.
        keep: how features are kept.
        kept: whether they are, while the head trains.
        final: chooses the weights at the end; None: those of the last epoch stay.
    """

    model: keras.Model
    outer: keras.Model
    data: tuple[Any, Any]
    stages: Stages
    keep: FeatureBatches
    kept: bool
    final: BestWeights | AveragedWeights | None

    def solve_head(self, class_weight: Any) -> Logs:
        """Gives the head the weights that fit best, and returns how good that is: one epoch.

        Args:
            class_weight: as in `solve_into`.
        """
        self._freeze_below_head()
        split = split_at_head(self.model, random=False)
        logs = self.stages.done("head")
        if logs is None:
            logs = self._solved(split, class_weight)
            if self.final is not None:
                self.final.begin(logs[0])
            self.stages.end("head")
        return logs

    def _solved(self, split: HeadSplit, class_weight: Any) -> Logs:
        loss = self.stages.compiling["loss"]
        if gives_maps(self.model):
            split.base.compile(jit_compile=self.stages.compiling["jit_compile"])
            train, seed = self.data[0], self.keep.seed
            solve_into_maps(self.model, split.base, train, loss, class_weight, seed)
            return self.stages.judge("head", self.model, self.data)
        with self._features(split.base) as features:
            train = features[0]
            solve_into(self.model, train.x, train.y, loss, class_weight, train.weights)
            return self.stages.judge("head", split.top, features)

    def train_head(self, optimizing: Optimize, epochs: range) -> Logs:
        """Trains the head, all below it frozen and at inference."""
        self._freeze_below_head()
        split = split_at_head(self.model) if self.kept else None
        trained = split.top if split else self.outer
        if (done := self.stages.done("head")) is not None:
            return done
        if split is None:
            with base_at_inference(self.model):
                return self.stages.run("head", trained, optimizing, self.data, epochs)
        with self._features(split.base) as features:
            return self.stages.run("head", trained, optimizing, features, epochs)

    @contextlib.contextmanager
    def _features(self, base: keras.Model) -> Iterator[list[Batches | None]]:
        """Yields batches of the base's features of the training and the validation examples."""
        base.compile(jit_compile=self.stages.compiling["jit_compile"])
        with self._folder() as folder:
            yield [
                None if data is None else self.keep.of(base, name, data, folder)
                for name, data in zip(("train", "validation"), self.data, strict=True)
            ]

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        """Yields a folder for features, where the next start removes it if this one is killed."""
        backup = self.stages.backup
        if backup is None:
            with tempfile.TemporaryDirectory(prefix="features-") as folder:
                yield Path(folder)
            return
        folder = part_of(backup.features)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def finish(self) -> None:
        """Leaves the model with the weights that are kept."""
        if self.final is not None:
            validation = self.data[1]
            loss_of = partial(self.stages.held_out_loss, self.outer, validation)
            self.final.restore(None if validation is None else loss_of)

    def _freeze_below_head(self) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*is compiled")  # a stage compiles it again
            head = self._unfreeze_head()
            if any(leaf.weights and leaf.layer is not head for leaf in leaves(self.model)):
                freeze(self.model, lambda layer: layer is not head)

    def _unfreeze_head(self) -> keras.Layer:
        head = find_head(self.model)
        unfreeze(self.model, lambda layer: layer is head)
        return head

    def train_all(self, optimizing: Optimize, epochs: range) -> Logs:
        """Trains what is not frozen."""
        done = self.stages.done("all")
        if done is not None:
            return done
        return self.stages.run("all", self.outer, optimizing, self.data, epochs)

    def unfreeze_above(self, frozen: Boundary, batchnorm: str) -> None:
        """Lets the head, and all layers but the frozen ones, train."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*is compiled")
            unfreeze(self.model, 0, batchnorm)
            freeze(self.model, frozen)
            self._unfreeze_head()
