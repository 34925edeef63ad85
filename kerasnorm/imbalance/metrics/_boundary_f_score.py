from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_int, as_number, require
from kerasnorm.backend import has_values, on_host
from kerasnorm.imbalance import _class_numbers
from kerasnorm.imbalance.metrics._matching import match, match_thinned


@keras.saving.register_keras_serializable(package="kerasnorm")
class BoundaryFScore(keras.metrics.Metric):
    """F-measure of contours, F = 2 P R / (P + R), at the best threshold: ODS and OIS.

    At each threshold, as many predicted contour pixels as possible are matched with labelled ones,
    one to one within a tolerance. Precision P is the matched share of the predicted pixels, recall
    R that of the labelled ones, over all images. ODS ("optimal dataset scale") is F at the
    threshold that is best for all images; OIS ("optimal image scale") is F with each image at its
    own.

    So the Berkeley benchmark has it, which also looks for the least total distance (that changes
    no count), interpolates between thresholds, and knows several annotations. A second pixel beside
    a contour is a false one: `thin` takes the middle lines of what is predicted at each threshold,
    as the benchmark does; without it predictions are taken as they are.

    SciPy does the matching on the host: on TensorFlow compile the model with `jit_compile=False`.
    An image of 321×481 pixels took 6.5 s on one core with 99 thresholds.

    Args:
        tolerance: Largest distance of a pair, in pixels, ≥ 0. (Berkeley: 0.0075 of the diagonal.)
        thresholds: Number of thresholds, evenly between 0 and 1. Defaults to 99.
        from_logits: Whether predictions are logits, of which the sigmoid is taken.
            Defaults to False.
        ignore_class: Label of pixels that are left out, such as 255. Defaults to None.
        name: Name of the metric. Defaults to "boundary_f_score".
        dtype: Dtype of the sums. Defaults to float32.
        thin: Whether predictions are thinned at each threshold, by scikit-image. Defaults to False.

    The result is a dict: "ods" and "ois", each 0 if nothing matches.

    Raises:
        ValueError: For invalid arguments; see `update_state`.

    Example:

    >>> edge = np.eye(8)[[3] * 8].T[None]  # a row of 8
    >>> metric = BoundaryFScore(tolerance=1)
    >>> metric.update_state(edge, 0.3 * np.roll(edge, 1, axis=1))  # it is found a pixel below
    >>> {name: float(value) for name, value in metric.result().items()}
    {'ods': 1.0, 'ois': 1.0}

    See also:
        `kerasnorm.imbalance.losses.ClassBalancedBinaryCrossentropy`, the loss for contours.

    References:
        Martin et al., 2004, Learning to detect natural image boundaries using local brightness,
        color, and texture cues, https://doi.org/10.1109/TPAMI.2004.1273918
        Arbeláez et al., 2011, Contour detection and hierarchical image segmentation,
        https://doi.org/10.1109/TPAMI.2010.161 (ODS, OIS)
    """

    def __init__(
        self,
        tolerance: float = 2.0,
        thresholds: int = 99,
        from_logits: bool = False,
        ignore_class: int | None = None,
        name: str = "boundary_f_score",
        dtype: Any = None,
        thin: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        require("scipy")
        if thin:
            require("skimage", extra="contours")
        self.thin = bool(thin)
        self.tolerance = as_number("tolerance", tolerance, 0)
        self.thresholds = as_int("thresholds", thresholds, low=1)
        self.from_logits = bool(from_logits)
        self.ignore_class = None if ignore_class is None else as_int("ignore_class", ignore_class)
        # pairs, predicted and labelled pixels: at each threshold, and at the best of each image
        self.counts = self.add_variable((3, self.thresholds + 1), "zeros", name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch.

        Args:
            y_true: 0 and 1, (N, H, W) or (N, H, W, 1).
            y_pred: Probabilities in [0, 1], or logits, (N, H, W) or (N, H, W, 1).
            sample_weight: (N,), of the images. Defaults to None.

        Raises:
            ValueError: For shapes that do not fit; for labels or probabilities out of range (out
                of compiled code it comes as the backend's own error, with the same text).
        """
        y_true, y_pred = (_as_maps(values) for values in (y_true, y_pred))
        _class_numbers.check_shapes(y_true, y_pred, y_pred.shape)
        weights = ops.ones_like(y_pred[:, 0, 0], dtype="float32")
        if sample_weight is not None:
            weights = weights * ops.cast(_class_numbers.to_rank(sample_weight, 1), "float32")
        arrays = y_true, ops.cast(y_pred, "float32"), weights
        if all(map(has_values, arrays)):
            counts = self._count(*map(ops.convert_to_numpy, arrays))
        else:
            counts = on_host(self._count, tuple(self.counts.shape), *arrays)
        self.counts.assign(self.counts + ops.cast(counts, self.dtype))

    def _count(self, y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Returns what a batch adds to the counts, of labels and predictions (N, H, W)."""
        used = np.ones(y.shape, bool) if self.ignore_class is None else y != self.ignore_class
        _check(y[used], p[used], self.from_logits)
        levels = np.arange(1, self.thresholds + 1) / (self.thresholds + 1)
        if self.from_logits:
            levels = np.log(levels) - np.log1p(-levels)
        total = np.zeros((3, len(levels) + 1), np.float32)
        for edges, values, counted, weight in zip(y == 1, p, used, weights, strict=True):
            find = match_thinned if self.thin else match
            counts = find(
                np.where(counted, values, -np.inf), edges & counted, levels, self.tolerance
            )
            # of thresholds that are as good as one another, the highest
            best = counts[:, ::-1][:, np.argmax(_f_score(counts)[::-1])]
            total += weight * np.column_stack([counts, best])
        return total

    def result(self) -> dict[str, Tensor]:
        scores = ops.divide_no_nan(2 * self.counts[0], self.counts[1] + self.counts[2])
        return {"ods": ops.max(scores[:-1]), "ois": scores[-1]}

    def get_config(self) -> dict[str, Any]:
        own = {
            "tolerance": self.tolerance,
            "thresholds": self.thresholds,
            "from_logits": self.from_logits,
            "ignore_class": self.ignore_class,
            "thin": self.thin,
        }
        return {**super().get_config(), **own}


def _f_score(counts: np.ndarray) -> np.ndarray:
    return 2 * counts[0] / np.maximum(counts[1] + counts[2], 1)


def _as_maps(values: Any) -> Tensor:
    values = ops.convert_to_tensor(values)
    if len(values.shape) == 4 and values.shape[-1] == 1:
        values = ops.squeeze(values, axis=-1)
    if len(values.shape) != 3:
        raise ValueError(
            "Contours should be maps (N, H, W) or (N, H, W, 1). "
            f"Received: shape {tuple(values.shape)}."
        )
    return values


def _check(y: np.ndarray, p: np.ndarray, logits: bool) -> None:
    wrong = (y != 0) & (y != 1)
    if wrong.any():
        raise ValueError(f"Labels should be 0 or 1. Received: {y[wrong][0]:g}.")
    valid = ~np.isnan(p) if logits else (p >= 0) & (p <= 1)
    if not valid.all():
        expected = (
            "numbers" if logits else "probabilities in [0, 1]; of logits, pass `from_logits=True`"
        )
        raise ValueError(f"Predictions should be {expected}. Received: {p[~valid][0]:g}.")
