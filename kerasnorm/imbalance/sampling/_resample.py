"""Drawing examples so that the classes come up as often as wanted."""

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
    """Draws batches in which rare classes come up more often than they do in the data.

    Use it where reweighing the loss makes training unstable, as large weights do. Of N examples,
    n of which have the class of example i and K classes of which have examples, an epoch holds
    example i so many times, rounded down or up by chance, in random order:

    | strategy | times an epoch |
    |---|---|
    | "class_balanced" | N / (K n): every class equally often |
    | "square_root" | N / (√n Σ√n): a class as often as √n says |
    | "progressive" | (1 − t) + t N / (K n): from the data as they are to "class_balanced"; t is the number of the epoch, from 0, over `epochs`, and 1 in the end |
    | "repeat_factor" | max(1, √(threshold N / n)), for the class of the example for which that is largest |
    | `weights=` | ∝ weights[i], or ∝ weights[class of i] if it is a dict |

    An epoch has as many examples as the data, and by "repeat_factor" as many as that repeats,
    rounded up; with `epoch_size` as many as it says, in the same proportions.

    Indices are drawn and whole batches gathered, which costs about as much as shuffling. Every
    pass over the dataset is the next epoch, drawn from the seed and the number of the epoch
    alone: another `resample` with the same arguments gives the same epochs in the same order,
    whatever the global seeds are. A class with no example is never drawn, or an error. Augment
    afterwards.

    To go on after an interruption, either save an iterator of the dataset, at any batch, with
    `tf.train.Checkpoint(iterator=iterator)`; or, between epochs, keep the number of the next one,
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
        strategy: A name of the table; leave it out with `weights`.
        batch_size: Examples a batch; the last batch of an epoch may be smaller.
        seed: A whole number from 0.
        epoch_size: Examples an epoch.
        weights: Sampling weights `(N,)`, not negative, for data that has no class an example,
            such as label maps and multilabel rows. Or a dict with the weight of each class, as
            `class_weights` returns it.
        threshold: For "repeat_factor", in (0, 1]: classes that a smaller share of the examples
            has are repeated. LVIS: 0.001.
        labels: Class of each example, `(N,)`, where `y` is something else. Like `y` by default:
            whole numbers or strings, (N,) or (N, 1), or one-hot rows (N, K); for "repeat_factor"
            multilabel rows, sequences and label maps too.
        epochs: For "progressive": the number of epochs of the training.
        num_classes: K with the classes that have no example; by default by what is there.
        ignore_class: The label of positions of no class in sequences and label maps, such as 255.
        missing: What to do about a class below `num_classes` (or below the largest label) with
            no example: "zero" to draw from the others, or "error".
        buffer_size: Examples of a stream that are in memory at a time (twice), by default 1000.
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

    References:
        Kang et al., 2020 (class-balanced, square-root and progressive sampling),
        https://arxiv.org/abs/1910.09217
        Mahajan et al., 2018 (square root), https://arxiv.org/abs/1805.00932
        Gupta et al., 2019, LVIS (repeat factor), https://arxiv.org/abs/1908.03195
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
