"""Combines a model's features with a scikit-learn classifier."""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm._files import whole
from kerasnorm._types import StrPath
from kerasnorm._validation import listed
from kerasnorm.data import input_batches
from kerasnorm.models import DAMAGE, load_model
from kerasnorm.transfer.probing._estimators import (
    FILES,
    own_settings,
    read_estimator,
    write_estimator,
)

_BASE = "base.keras"


class FeatureClassifier:
    """Classifier of a model's features and a scikit-learn estimator.

    Use it for few examples that differ from the source: an SVM on the features of a low layer.
    `ProbeTable.classifier` creates it, and one file holds both parts. It has `predict_proba` and
    `decision_function` if the estimator has them. The base shares the layers of the model it was
    cut from: it changes if they are trained.

    Args:
        base: keras.Model from raw input to features (N, D).
        estimator: Fitted scikit-learn classifier, or a pipeline that ends in one.

    Example:

    >>> from sklearn.dummy import DummyClassifier
    >>> base = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.GlobalAveragePooling2D()])
    >>> estimator = DummyClassifier().fit(np.zeros((3, 3)), ["cat", "cat", "owl"])
    >>> FeatureClassifier(base, estimator).predict(np.zeros((2, 4, 4, 3))).tolist()
    ['cat', 'cat']

    See also:
        `probe_layers`, whose table creates it; `solve_head`.
    """

    def __init__(self, base: keras.Model, estimator: Any) -> None:
        self.base = base
        self.estimator = estimator

    def features(self, x: Any) -> np.ndarray:
        """Returns the base's features (N, D) of raw input, computed in batches."""
        x = list(x) if isinstance(x, tuple) else x
        batches = input_batches(self.base, x, None)
        parts = [self.base(inputs, training=False) for inputs in batches]
        return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])

    def predict(self, x: Any) -> np.ndarray:
        """Returns the label of each example of raw input: (N,)."""
        return self.estimator.predict(self.features(x))

    @property
    def predict_proba(self) -> Callable[[Any], np.ndarray]:
        """A function from raw input to probabilities (N, K), in `estimator.classes_`' order."""
        method = self.estimator.predict_proba
        return lambda x: method(self.features(x))

    @property
    def decision_function(self) -> Callable[[Any], np.ndarray]:
        """A function from raw input to the estimator's scores, (N, K), or (N,) for two classes."""
        method = self.estimator.decision_function
        return lambda x: method(self.features(x))

    def save(self, path: StrPath) -> None:
        """Writes base and estimator into one file, which holds no pickle.

        Raises:
            ValueError: If the estimator is not "svm" or "logistic" of `probe_layers`.
        """
        settings = own_settings(self.estimator)
        with tempfile.TemporaryDirectory() as folder, whole(path) as part:
            base = Path(folder, _BASE)
            self.base.save(base)
            with zipfile.ZipFile(part, "w") as archive:
                archive.write(base, _BASE)
                write_estimator(archive, settings, self.estimator)

    @classmethod
    def load(cls, path: StrPath, safe_mode: bool = True) -> "FeatureClassifier":
        """Returns the classifier that `save` has written.

        Args:
            path: The file.
            safe_mode: As in `keras.saving.load_model`: refuse Lambda layers, which run code.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is none of `save`, or damaged.
        """
        path = Path(path)
        try:
            return cls._read(path, safe_mode)
        except FileNotFoundError:
            raise
        except DAMAGE as error:
            raise ValueError(
                f"'{path}' was not written by `FeatureClassifier.save`, or is damaged: {error}"
            ) from error

    @classmethod
    def _read(cls, path: Path, safe_mode: bool) -> "FeatureClassifier":
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            missing = {_BASE, *FILES}.difference(archive.namelist())
            if missing:
                raise ValueError(f"it lacks {listed(sorted(missing))}.")
            base = load_model(Path(archive.extract(_BASE, folder)), unsafe=not safe_mode)
            return cls(base, read_estimator(archive))
