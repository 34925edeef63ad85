"""Draws examples so that classes occur as often as wanted."""

from typing import TYPE_CHECKING, Any

from kerasnorm._validation import as_int
from kerasnorm.data import Arrays, DatasetReader, EpochCounter, read_source
from kerasnorm.imbalance.sampling._plan import Drawing

if TYPE_CHECKING:
    import tensorflow as tf


def resample(
    data: Any,
    strategy: str = "class_balanced",
    batch_size: int = 32,
    seed: int = 0,
    epoch_size: int | None = None,
    weights: Any = None,
    threshold: float | None = None,
    labels: Any = None,
    *,
    epochs: int = 10,
    num_classes: int | None = None,
    ignore_class: int | None = None,
    missing: str = "zero",
    buffer_size: int | None = None,
) -> "tf.data.Dataset[Any]":
    """Draws batches in which rare classes occur more often than in the data.

    Use it where reweighting the loss makes training unstable, as large weights do. With N examples,
    n of them in the class of example i, and K classes that have examples, an epoch repeats example
    i as often as the table says, rounded down or up at random, in random order:

    | strategy | times an epoch |
    |---|---|
    | "class_balanced" | N / (K n): every class equally often |
    | "square_root" | N / (√n Σ√n): a class as often as √n says |
    | "progressive" | (1 − t) + t N / (K n): from the data as they are to "class_balanced"; t is the number of the epoch, from 0, divided by `epochs`, and 1 at the end |
    | "repeat_factor" | max(1, √(threshold N / n)), for the class of the example for which that is largest |
    | `weights=` | ∝ weights[i], or ∝ weights[class of i] if it is a dict |

    An epoch has as many examples as the data, or with "repeat_factor" the sum of the repeats, rounded
    up; with `epoch_size` that many, in the same proportions.

    Indices are drawn and whole batches gathered, which costs about as much as shuffling. Every
    pass over the dataset is the next epoch, which depends only on the seed and the number of the
    epoch: another `resample` with the same arguments gives the same epochs in the same order,
    whatever the global seeds are. A class without examples is never drawn, or an error. Apply
    augmentation afterwards.

    To resume after an interruption, either save an iterator of the dataset, at any batch, with
    `tf.train.Checkpoint(iterator=iterator)`; or, between epochs, save the number of the next one,
    `dataset.epoch_counter.next`, and set it. In `fit`, `FollowEpochs(dataset)` does the latter.
    Under `tf.distribute` every worker draws the same batches and takes its part of each; for
    `shard(workers, index)` each takes other batches.

    Args:
        data: A tuple `(x, y)` or `(x, y, w)` of arrays, N examples on the first axis; x, y and w
            may be dicts or tuples of arrays; a `numpy.memmap` stays on disk. `ImageFiles` (such as
            an `ImageFolder`) or `TFRecords`, which stay on disk. Or a tf.data.Dataset of such
            tuples of single examples of one shape: it is read once, now, and kept in memory; or
            else, if `buffer_size` is given or it has no known finite cardinality but `epoch_size`
            is given, it is a stream.
        strategy: A name of the table; leave it out with `weights`. Defaults to "class_balanced".
        batch_size: Number of examples per batch; the last batch of an epoch may be smaller. Defaults to 32.
        seed: A whole number from 0. Defaults to 0.
        epoch_size: Number of examples per epoch. Defaults to None, for that of the data.
        weights: Sampling weights `(N,)`, not negative, for data without one class per example,
            such as label maps and multilabel rows. Or a dict with the weight of each class, as
            `class_weights` returns it. Defaults to None.
        threshold: For "repeat_factor", in (0, 1]: classes that a smaller share of the examples
            has are repeated. The LVIS benchmark uses 0.001. Defaults to None.
        labels: Class of each example, `(N,)`, where `y` is something else. Like `y` by default:
            whole numbers or strings, (N,) or (N, 1), or one-hot rows (N, K); for "repeat_factor"
            multilabel rows, sequences and label maps too.
        epochs: For "progressive": the number of epochs of the training. Defaults to 10.
        num_classes: K, including classes without examples. Defaults to the largest label plus 1.
        ignore_class: Label to ignore in sequences and label maps, such as 255.
            Defaults to None.
        missing: Treatment of a class below `num_classes` (or below the largest label) with
            no example: "zero" to draw from the others, or "error". Defaults to "zero".
        buffer_size: Examples of a stream in memory at a time (twice). Defaults to 1000.
            A stream is read from its beginning in each epoch, as far as needed: it should be in
            random order. Examples are drawn from those in the buffer, by the counts so far.

    Returns:
        A tf.data.Dataset of batches with the structure, dtypes and shapes of the data, of known
        cardinality: ⌈examples an epoch / batch_size⌉. It works in `fit` on every backend; see
        `ResampledDataset` for one without tf.data. Its `epoch_counter` is an `EpochCounter`.

    Raises:
        ValueError: If an argument is not as above; if examples have no single class, except for
            "repeat_factor".
        tf.errors.InvalidArgumentError: While it is iterated, if a stream has a label that is
            refused, with the same text. (tf.data lets no ValueError out of its threads.)

    Example:

    >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 0, 1]
    >>> dataset = resample((x, y), batch_size=3, epoch_size=1000)
    >>> int(dataset.cardinality())
    334
    >>> sum(int(y.numpy().sum()) for x, y in dataset)
    500

    See also:
        `ResampledDataset`, without tf.data; `sampler`, the indices alone; `class_weights`.

    References:
        Kang et al., 2020, Decoupling representation and classifier for long-tailed recognition
        (class-balanced, square-root and progressive sampling), https://arxiv.org/abs/1910.09217
        Mahajan et al., 2018, Exploring the limits of weakly supervised pretraining (square root),
        https://arxiv.org/abs/1805.00932
        Gupta et al., 2019, LVIS: a dataset for large vocabulary instance segmentation (repeat
        factor), https://arxiv.org/abs/1908.03195
    """  # noqa: E501
    batch_size = as_int("batch_size", batch_size, low=1)
    drawing = Drawing(
        strategy=strategy,
        seed=seed,
        epoch_size=epoch_size,
        weights=weights,
        threshold=threshold,
        labels=labels,
        epochs=epochs,
        num_classes=num_classes,
        ignore_class=ignore_class,
        missing=missing,
    )
    counter, source = EpochCounter(), read_source(data)
    if isinstance(source, DatasetReader):
        if buffer_size is not None or (epoch_size is not None and source.size is None):
            from kerasnorm.imbalance.sampling._streams import Stream

            return Stream(source, drawing, buffer_size).batches(batch_size, counter)
        source = Arrays(source.in_memory())
    elif buffer_size is not None:
        raise ValueError(
            "`buffer_size` is for a tf.data.Dataset, which is then read as a stream. "
            f"Received: buffer_size={buffer_size!r} for {type(data).__name__}."
        )
    from kerasnorm.data.pipelines import indexed

    plan = drawing.plan(source.labels, source.size)
    return indexed(plan.draw, source.gatherer(), plan.epoch_size, batch_size, counter)
