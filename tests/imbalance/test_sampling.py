"""resample: what is drawn, in which batches, and that the seed alone decides."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from backends import once

from kerasnorm.imbalance import resample

pytestmark = once

N, RARE = 20, 3
X = np.arange(N, dtype="float32")[:, None]
Y = np.array([0] * (N - RARE) + [1] * RARE)


def epoch(dataset):
    return [batch[0].numpy()[:, 0].tolist() for batch in dataset]


def shares(dataset, num_classes):
    drawn = np.concatenate([y.numpy().ravel() for _, y in dataset])
    return np.bincount(drawn, minlength=num_classes) / len(drawn)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("class_balanced", [1 / 3] * 3), ("square_root", np.sqrt([900, 90, 10]))],
)
def test_share_of_each_class(strategy, expected):
    y = np.repeat([0, 1, 2], [900, 90, 10])
    dataset = resample((np.zeros((1000, 1)), y), strategy, 100, epoch_size=30_000)
    np.testing.assert_allclose(shares(dataset, 3), expected / np.sum(expected), atol=0.015)


def test_examples_of_a_class_are_drawn_alike():
    dataset = resample((X, Y), batch_size=100, epoch_size=60_000)
    drawn = np.bincount(np.concatenate([x.numpy()[:, 0] for x, _ in dataset]).astype(int))
    expected = np.where(Y == 0, 30_000 / (N - RARE), 30_000 / RARE)
    np.testing.assert_allclose(drawn, expected, rtol=0.1)


def test_weights_are_sampling_weights_of_any_labels():
    weights = np.zeros(N)
    weights[[0, 4, N - 2]] = [1, 2, 5]  # N - 1 has none, nor has the last but zero
    maps = np.zeros((N, 2, 2), "int32")
    dataset = resample((X, maps), weights=weights, epoch_size=8_000)
    drawn = np.bincount(np.concatenate([x.numpy()[:, 0] for x, _ in dataset]).astype(int))
    np.testing.assert_array_equal(np.flatnonzero(drawn), [0, 4, N - 2])
    np.testing.assert_allclose(drawn[[0, 4, N - 2]], [1000, 2000, 5000], rtol=0.1)


def test_an_absent_class_is_not_waited_for():
    dataset = resample((X, np.where(Y == 0, 0, 7)), epoch_size=2_000)
    np.testing.assert_allclose(shares(dataset, 8)[[0, 7]], 0.5, atol=0.05)


@pytest.mark.parametrize(
    ("batch_size", "epoch_size", "sizes"),
    [(8, None, [8, 8, 4]), (10, None, [10, 10]), (64, None, [N]), (8, 9, [8, 1]), (3, 50, None)],
)
def test_epoch_has_the_size_and_the_cardinality(batch_size, epoch_size, sizes):
    dataset = resample((X, Y), batch_size=batch_size, epoch_size=epoch_size)
    got = [len(batch) for batch in epoch(dataset)]
    assert got == (sizes or [3] * 16 + [2])
    assert int(dataset.cardinality()) == len(got)
    assert int(dataset.repeat(2).cardinality()) == len(list(dataset.repeat(2))) == 2 * len(got)


def test_each_pass_is_the_next_epoch_and_the_seed_alone_decides():
    dataset = resample((X, Y), batch_size=8, seed=3)
    epochs = [epoch(dataset) for _ in range(4)]
    assert all(epochs[i] != epochs[j] for i in range(4) for j in range(i))
    keras.utils.set_random_seed(1234)
    other = resample((X, Y), batch_size=8, seed=3)
    assert [epoch(other) for _ in range(4)] == epochs
    assert epoch(resample((X, Y), batch_size=8, seed=3).repeat(4)) == [
        *epochs[0],
        *epochs[1],
        *epochs[2],
        *epochs[3],
    ]
    assert epoch(resample((X, Y), batch_size=8, seed=4)) != epochs[0]


def test_abandoned_pass_counts_as_an_epoch():
    first, second = (resample((X, Y), batch_size=8) for _ in range(2))
    next(iter(first))
    epoch(second)
    assert epoch(first) == epoch(second)


@pytest.mark.parametrize(  # 3 batches are an epoch
    ("taken", "ahead"), [(0, 0), (1, 3), (2, 3), (3, 0), (3, 3), (4, 0), (6, 3)]
)
def test_saved_iterator_goes_on_where_it_was(tmp_path, taken, ahead):
    def start():
        dataset = resample((X, Y), batch_size=8, seed=3).repeat()
        return iter(dataset.prefetch(ahead) if ahead else dataset)

    def take(iterator, n):
        return [next(iterator)[0].numpy().ravel().tolist() for _ in range(n)]

    iterator = start()
    take(iterator, taken)
    path = tf.train.Checkpoint(iterator=iterator).save(tmp_path / "iterator")
    expected = take(iterator, 8)
    restored = start()
    tf.train.Checkpoint(iterator=restored).restore(path)
    assert take(restored, 8) == expected


def test_shards_of_one_seed_are_disjoint_and_complete():
    whole = epoch(resample((X, Y), batch_size=4, epoch_size=24, seed=3))
    shards = [
        epoch(resample((X, Y), batch_size=4, epoch_size=24, seed=3).shard(2, i)) for i in (0, 1)
    ]
    assert shards == [whole[::2], whole[1::2]]


FORMS = {
    "int64": Y,
    "uint8-column": Y[:, None].astype("uint8"),
    "float": Y.astype("float32"),
    "bool": Y == 1,
    "one-hot": np.eye(2, dtype="float32")[Y],
    "str": np.array(["a", "bé"])[Y],
    "object": np.array(["a", "bé"], object)[Y],
}


@pytest.mark.parametrize(
    ("source", "form"),
    [
        *(("arrays", form) for form in ("int64", "float", "one-hot", "str", "object")),
        *(("dataset", form) for form in ("uint8-column", "bool", "one-hot", "str")),
    ],
)
def test_structure_dtypes_and_shapes_are_kept(source, form):
    y = FORMS[form]
    x = {
        "id": np.arange(N),
        "image": np.arange(N * 12).reshape(N, 2, 2, 3).astype("uint8"),
        "text": np.array([f"t{i}" for i in range(N)]),
        "wide": np.arange(N) / 3,
    }
    w = np.linspace(0, 1, N, dtype="float32")
    plain = tf.data.Dataset.from_tensor_slices((x, y, w))
    dataset = resample((x, y, w) if source == "arrays" else plain, batch_size=6)
    assert dataset.element_spec == plain.batch(6).element_spec
    examples = list(plain)
    drawn = list(dataset.unbatch())
    assert len(drawn) == N
    for got in drawn:
        for a, b in zip(tf.nest.flatten(got), tf.nest.flatten(examples[got[0]["id"]]), strict=True):
            assert (a == b).numpy().all()
    rare = sum(int(got[0]["id"]) >= N - RARE for got in drawn)
    assert rare >= 5  # of 20; without resampling 3, and the seed is fixed


def test_labels_say_the_class_where_y_does_not():
    dataset = resample((X, X.astype("float32") / 7), labels=Y, epoch_size=2_000)
    drawn = np.concatenate([x.numpy()[:, 0] for x, _ in dataset])
    assert abs((drawn >= N - RARE).mean() - 0.5) < 0.05


def test_fit_for_several_epochs():
    seen = []

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    model = Model()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=False)
    settings = {"shuffle": False, "verbose": 0, "callbacks": [Count()]}
    model.fit(resample((X, Y), batch_size=8), epochs=3, **settings)
    assert seen == [0, 1, 2] * 3
    repeated = resample((X, Y), batch_size=8).repeat()
    model.fit(repeated, epochs=2, steps_per_epoch=4, **settings)
    assert seen[9:] == [0, 1, 2, 3] * 2


def slices(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "nearest"}, "'class_balanced', 'square_root'"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 2.0}, "batch_size"),
        ({"epoch_size": 0}, "epoch_size"),
        ({"seed": -1}, "seed"),
        ({"seed": None}, "seed"),
        ({"threshold": 0.1}, "threshold"),
        ({"weights": np.ones(N - 1)}, "20 finite numbers"),
        ({"weights": np.zeros(N)}, "not all 0"),
        ({"weights": np.where(Y == 1, np.nan, 1)}, "finite"),
        ({"weights": Y - 0.5}, "not negative"),
        ({"weights": np.ones(N), "strategy": "square_root"}, "neither `strategy`"),
        ({"weights": np.ones(N), "labels": Y}, "nor `labels`"),
        ({"labels": Y[1:]}, "20 examples"),
        ({"labels": Y - 1}, "Label -1"),
        ({"labels": Y / 2}, "whole"),
        ({"data": (X, np.zeros((N, 2, 2), int))}, "weights="),
        ({"data": (X, np.ones((N, 3), int))}, "weights="),
        ({"data": (X, Y[1:])}, "same number"),
        ({"data": (X[:0], Y[:0])}, "at least one"),
        ({"data": X}, "tuple"),
        ({"data": (X,)}, "tuple"),
        ({"data": slices(X, Y).repeat()}, "never ends"),
        ({"data": slices(X, Y).take(0)}, "empty"),
        ({"data": tf.data.Dataset.range(4)}, "yield"),
        (
            {"data": tf.data.Dataset.range(4).map(lambda i: (tf.zeros([i]), i))},
            "same shape",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        resample(**{"data": (X, Y), **arguments})
