"""resample of streams: one pass over a dataset of unknown length, in bounded memory."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from backends import once

from kerasnorm.imbalance import resample

pytestmark = once

COUNTS = (1600, 360, 40)
N = sum(COUNTS)
Y = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], COUNTS))


def stream(y=Y):
    """A dataset of unknown length."""
    return tf.data.Dataset.from_tensor_slices((np.arange(len(y)), y)).filter(lambda x, y: True)


def noting(read):
    """A stream that notes the examples that are read of it."""

    def generate():
        for i, label in enumerate(Y):
            read.append(i)
            yield i, label

    spec = tf.TensorSpec([], tf.int64)
    return tf.data.Dataset.from_generator(generate, output_signature=(spec, spec))


def indices(dataset):
    return np.concatenate([batch[0].numpy() for batch in dataset])


@pytest.mark.parametrize(
    ("arguments", "repeats"),
    [
        ({}, [N / (3 * n) for n in COUNTS]),
        ({"buffer_size": 250}, [N / (3 * n) for n in COUNTS]),
        ({"strategy": "square_root"}, [N / n**0.5 / sum(c**0.5 for c in COUNTS) for n in COUNTS]),
        ({"weights": {0: 1.0, 1: 0.0, 2: 10.0}}, [1, 0, 10]),
        ({"strategy": "progressive"}, [1, 1, 1]),
    ],
)
def test_shares_of_one_pass(arguments, repeats):
    drawn = indices(resample(stream(), epoch_size=N, **arguments))
    assert len(drawn) == N
    expected = np.array(repeats) * COUNTS
    found = np.bincount(Y[drawn], minlength=3)
    np.testing.assert_allclose(found / N, expected / expected.sum(), atol=0.06)


def test_repeat_factor_keeps_its_repeats():
    dataset = resample(stream(), "repeat_factor", epoch_size=N, threshold=0.2, buffer_size=500)
    drawn = np.bincount(indices(dataset), minlength=N)
    seen = np.flatnonzero(drawn)[-1]  # an epoch ends before the stream does
    factors = np.maximum(1, np.sqrt(0.2 * N / np.array(COUNTS)))[Y]
    whole = seen // 500 * 500
    assert drawn[:whole].min() >= 1
    for factor in np.unique(factors):
        assert drawn[:whole][factors[:whole] == factor].mean() == pytest.approx(factor, rel=0.12)


@pytest.mark.parametrize(("arguments", "ahead"), [({}, 0), ({"threshold": 0.2}, 400)])
def test_it_is_read_once_and_no_more_of_it_than_the_buffers(arguments, ahead):
    read = []
    strategy = "repeat_factor" if arguments else "class_balanced"
    dataset = resample(noting(read), strategy, 32, epoch_size=N, buffer_size=100, **arguments)
    for step, _ in enumerate(dataset):
        assert len(read) <= 32 * step + 400
    assert read == list(range(len(read))) and N - ahead <= len(read) <= N


@pytest.mark.parametrize(("epoch_size", "batch_size"), [(50, 8), (64, 8), (2100, 64), (7, 32)])
def test_epochs_have_the_size_whatever_the_stream(epoch_size, batch_size):
    for endless in (False, True):
        dataset = stream().repeat() if endless else stream()
        dataset = resample(dataset, batch_size=batch_size, epoch_size=epoch_size, buffer_size=300)
        sizes = [len(y) for _, y in dataset]
        assert sizes[:-1] == [batch_size] * (len(sizes) - 1) and sum(sizes) == epoch_size
        assert int(dataset.cardinality()) == len(sizes)


def test_a_dataset_of_known_length_is_a_stream_if_asked():
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(N), Y))
    assert int(resample(dataset, buffer_size=200).cardinality()) == -(-N // 32)


def test_the_seed_alone_decides_and_each_epoch_differs():
    def epochs(seed):
        dataset = resample(stream(), epoch_size=200, seed=seed, buffer_size=200)
        return [indices(dataset).tolist() for _ in range(2)]

    first = epochs(3)
    assert first[0] != first[1]
    keras.utils.set_random_seed(1234)
    assert epochs(3) == first
    assert epochs(4)[0] != first[0]


def test_the_order_is_random():
    drawn = indices(resample(stream(), weights={0: 1, 1: 1, 2: 1}, epoch_size=N))
    assert (np.diff(drawn) > 0).mean() < 0.6


@pytest.mark.parametrize(  # 7 batches are an epoch
    ("taken", "ahead"), [(3, 0), (6, 3), (7, 0), (8, 3)]
)
def test_saved_iterator_goes_on_where_it_was(tmp_path, taken, ahead):
    def start():
        dataset = tf.data.Dataset.from_tensor_slices((np.arange(N), Y))
        dataset = resample(dataset, epoch_size=200, buffer_size=100).repeat()
        return iter(dataset.prefetch(ahead) if ahead else dataset)

    def take(iterator, n):
        return [next(iterator)[0].numpy().tolist() for _ in range(n)]

    iterator = start()
    take(iterator, taken)
    path = tf.train.Checkpoint(iterator=iterator).save(tmp_path / "iterator")
    expected = take(iterator, 10)
    restored = start()
    tf.train.Checkpoint(iterator=restored).restore(path)
    assert take(restored, 10) == expected


def test_images_and_one_hot_rows_keep_structure_and_dtype():
    y = np.eye(3, dtype="float32")[Y[:50]]
    x = {"image": np.zeros((50, 2, 2, 3), "uint8"), "name": np.array(["a", "b"] * 25)}
    plain = tf.data.Dataset.from_tensor_slices((x, y, np.ones(50, "float16")))
    dataset = resample(plain, batch_size=6, buffer_size=20)
    assert dataset.element_spec == plain.batch(6).element_spec
    assert sum(len(y) for _, y, _ in dataset) == 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epoch_size": None}, "epoch_size"),
        ({"weights": np.ones(N)}, "dict"),
        ({"labels": Y}, "labels"),
        ({"missing": "error"}, "missing"),
        ({"data": stream(Y.astype(str))}, "strings"),
        ({"buffer_size": 0}, "buffer_size"),
        ({"strategy": "repeat_factor", "threshold": 0.1, "epoch_size": None}, "epoch_size"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        resample(**{"data": stream(), "epoch_size": 100, "buffer_size": 50, **arguments})


@pytest.mark.parametrize(
    ("y", "arguments", "message"),
    [
        ([0, 1, -1], {}, "Label -1 is outside"),
        ([0, 1, 3], {"num_classes": 3}, "Label 3 is outside"),
        ([0, 1, 2], {"weights": {0: 1.0, 1: 1.0}}, "Label 2 is outside"),
        ([[0, 1], [1, 2]], {}, "one class each"),
    ],
)
def test_wrong_labels_are_refused_as_they_come(y, arguments, message):
    dataset = resample(stream(np.array(y)), epoch_size=10, **arguments)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        list(dataset)
