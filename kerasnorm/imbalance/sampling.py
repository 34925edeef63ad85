"""Drawing examples so that the classes come up as often as wanted."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnorm._validation import as_int, check_choice
from kerasnorm.imbalance import _labels

if TYPE_CHECKING:
    import tensorflow as tf

# how often a class of n examples comes up, relative to the others
STRATEGIES = {
    "class_balanced": lambda n: np.ones(len(n)),
    "square_root": np.sqrt,
}


def resample(
    data: Any,
    strategy: str = "class_balanced",
    batch_size: int = 32,
    seed: int = 0,
    epoch_size: int | None = None,
    weights: Any = None,
    threshold: float | None = None,
    labels: Any = None,
) -> "tf.data.Dataset":
    """Draws batches in which rare classes come up more often than they do in the data.

    Use it where reweighing the loss makes training unstable, as large weights do. Example i of a
    class with n examples is drawn, with replacement, with the probability p:

    | strategy | p |
    |---|---|
    | "class_balanced" | ∝ 1 / n: every class equally often |
    | "square_root" | ∝ 1 / √n: a class as often as √n says |
    | `weights=` | ∝ weights[i] |

    Indices are drawn and whole batches gathered, which costs about as much as shuffling. Every
    pass over the dataset is the next epoch, drawn from the seed and the number of the epoch
    alone: another `resample` with the same arguments gives the same epochs in the same order,
    whatever the global seeds are. A class with no example is never drawn. Augment afterwards.

    Args:
        data: A tuple `(x, y)` or `(x, y, w)` of arrays, N examples on the first axis; x, y and w
            may be dicts or tuples of arrays. Or a tf.data.Dataset of such tuples of single
            examples of one shape, of known finite cardinality: it is read once, now, and kept in
            memory.
        strategy: A name of the table; leave it out with `weights`.
        batch_size: Examples a batch; the last batch of an epoch may be smaller.
        seed: A whole number from 0.
        epoch_size: Examples an epoch; by default N.
        weights: Sampling weights `(N,)`, not negative, for data that has no class an example,
            such as label maps and multilabel rows.
        threshold: No strategy of this version has one.
        labels: Class of each example, `(N,)`, where `y` is something else. Like `y` by default:
            whole numbers or strings, (N,) or (N, 1), or one-hot rows (N, K).

    Returns:
        A tf.data.Dataset of batches with the structure, dtypes and shapes of the data, of known
        cardinality: ⌈epoch_size / batch_size⌉. It works in `fit` on every backend.

    Raises:
        ValueError: If an argument is not as above; if examples have no single class.

    Example:

    >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 0, 1]
    >>> dataset = resample((x, y), batch_size=3, epoch_size=1000)
    >>> int(dataset.cardinality())
    334
    >>> drawn = sum(int(y.numpy().sum()) for x, y in dataset)
    >>> 450 < drawn < 550
    True

    References: Kang et al., 2020, arXiv:1910.09217 (class-balanced and square-root sampling);
    Mahajan et al., 2018, arXiv:1805.00932 (square root).
    """
    check_choice("strategy", strategy, STRATEGIES)
    batch_size = as_int("batch_size", batch_size, low=1)
    seed = as_int("seed", seed, low=0)
    if epoch_size is not None:
        epoch_size = as_int("epoch_size", epoch_size, low=1)
    if threshold is not None:
        raise ValueError(f"No strategy takes a threshold. Received: threshold={threshold!r}.")
    if weights is not None and (labels is not None or strategy != "class_balanced"):
        raise ValueError(
            "`weights` say everything about the sampling: pass neither `strategy` nor `labels` "
            f"with them. Received: strategy={strategy!r}, labels={labels!r}."
        )
    from kerasnorm.imbalance import _epochs

    examples, size = _epochs.read(data)
    if weights is None:
        shares = _class_shares(examples[1] if labels is None else labels, size, strategy)
    else:
        shares = _given_shares(weights, size)
    draw = _Draw(shares, epoch_size or size, seed)
    return _epochs.batches(examples, draw, draw.size, batch_size)


class _Draw:
    """The indices of an epoch, from the seed and the number of the epoch alone."""

    def __init__(self, shares: np.ndarray, size: int, seed: int) -> None:
        cumulated = np.cumsum(shares)
        self._cumulated = cumulated / cumulated[-1]
        self._seed = seed
        self.size = size

    def __call__(self, epoch: int) -> np.ndarray:
        uniform = np.random.default_rng([self._seed, int(epoch)]).random(self.size)
        # the first index whose cumulated share is above: never one of share 0
        return np.searchsorted(self._cumulated, uniform, side="right")


def _class_shares(y: Any, size: int, strategy: str) -> np.ndarray:
    """Returns how often each example should be drawn, for the classes of `y`."""
    labels = _labels.read_labels(y)
    if labels.ndim > 1 and labels.size != len(labels):
        labels = _undo_one_hot(labels)
    labels = labels.ravel()
    if len(labels) != size:
        raise ValueError(f"There should be {size} labels, one an example. Received: {len(labels)}.")
    if labels.dtype.kind != "U":
        labels = _labels.as_integers(labels)
        if labels.min() < 0:
            raise ValueError(
                f"Label {labels.min()} is no class, since classes are counted from 0. Leave such "
                "examples out, or pass `labels=` or `weights=`."
            )
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return (STRATEGIES[strategy](counts) / counts)[classes]


def _undo_one_hot(labels: np.ndarray) -> np.ndarray:
    zero_one = labels.dtype.kind != "U" and ((labels == 0) | (labels == 1)).all()
    if labels.ndim == 2 and zero_one and (labels.sum(axis=1) == 1).all():
        return labels.argmax(axis=1)
    raise ValueError(
        "Examples should have one class each: labels (N,), (N, 1), or one-hot (N, K). Received: "
        f"shape {labels.shape}, as label maps and multilabel rows have. Pass the class of each "
        "example as `labels=`, or how often to draw it as `weights=`."
    )


def _given_shares(weights: Any, size: int) -> np.ndarray:
    shares = _labels.to_numpy(weights)
    valid = shares.shape == (size,) and shares.dtype.kind in "biuf"
    if not valid or not (np.isfinite(shares) & (shares >= 0)).all() or not shares.any():
        raise ValueError(
            f"`weights` should be {size} finite numbers, one an example, not negative and not all "
            f"0. Received: {weights!r}."
        )
    return shares.astype(np.float64)
