"""ClassWeights.map of PyDatasets in `fit`: length, epochs, workers, and what Keras makes of it."""

import keras
import numpy as np
import pytest
from batches import Batches
from seen import fit_and_look

from kerasnorm.imbalance import ClassWeights, FollowEpochs, ResampledDataset

N = 50
X = np.arange(N, dtype="float32")[:, None]
Y = np.array([0] * 45 + [1] * 5)
BY_ID = ClassWeights({i: 1.0 + i for i in range(N)})


class Endless(keras.utils.PyDataset):
    num_batches = None

    def __getitem__(self, index):
        return X[:2], Y[:2]


def test_length_workers_and_epochs_are_those_of_the_dataset():
    calls = []

    class Noting(Batches):
        def on_epoch_begin(self):
            calls.append("begin")

        def on_epoch_end(self):
            calls.append("end")

    plain = Noting((X, Y), 8, workers=3, use_multiprocessing=True, max_queue_size=7)
    dataset = BY_ID.map(plain)
    assert isinstance(dataset, keras.utils.PyDataset)
    assert (dataset.workers, dataset.use_multiprocessing, dataset.max_queue_size) == (3, True, 7)
    assert len(dataset) == dataset.num_batches == 7
    dataset.on_epoch_begin()
    dataset.on_epoch_end()
    assert calls == ["begin", "end"]
    assert not hasattr(dataset, "epoch_counter")


def test_a_dataset_without_end_has_none_with_weights():
    dataset = BY_ID.map(Endless())
    assert dataset.num_batches is None
    assert dataset[10**6][2].tolist() == [1.0, 1.0]


def test_a_list_is_read_as_keras_reads_it_and_no_weights_as_none():
    for batch in ([X[:2], Y[:2]], (X[:2], Y[:2], None), [X[:2], [Y[:2], Y[:2]], [None, Y[:2] + 1]]):
        dataset = ClassWeights({0: 0.5, 1: 1.5}).map(Batches(X, 50))
        dataset.dataset.made = [batch]
        assert np.unique(dataset[0][2]).tolist() == [0.5]


@pytest.mark.parametrize("kind", ["numpy", "tensor"])
def test_tensors_have_the_weights_of_arrays(kind):
    convert = np.asarray if kind == "numpy" else keras.ops.convert_to_tensor
    batch = tuple(map(convert, (X[:2], np.array([0, 1]), np.array([2.0, 3.0], "float32"))))
    dataset = ClassWeights({0: 0.5, 1: 1.5}).map(Batches(X, 50))
    dataset.dataset.made = [batch]
    x, y, w = dataset[0]
    assert x is batch[0] and y is batch[1]
    assert isinstance(w, np.ndarray) and w.dtype == "float32" and w.tolist() == [1.0, 4.5]


def resampled():
    return ResampledDataset((X, X), labels=Y, batch_size=8)


def test_follow_epochs_follows_through_the_weights():
    weighed = BY_ID.map(resampled())
    found = fit_and_look(weighed, N, [FollowEpochs(weighed)], initial_epoch=3, epochs=5)
    plain = resampled()
    expected = fit_and_look(plain, N, [FollowEpochs(plain)], initial_epoch=3, epochs=5)
    np.testing.assert_array_equal(found, expected)
    assert weighed.epoch_counter.next == 5


def test_fit_begins_a_new_epoch_of_the_dataset_in_each():
    found = fit_and_look(BY_ID.map(resampled()), N, epochs=3)
    np.testing.assert_array_equal(found, fit_and_look(resampled(), N, epochs=3))
    assert (found[0] != found[1]).any()


@pytest.mark.parametrize("processes", [False, True])
def test_workers_weigh(processes):
    """The model gives 0: targets 0 lose nothing; half of them are 1, and weigh 1.5."""
    if processes and keras.config.backend() != "tensorflow":
        pytest.skip("the processes would be forks of a process with threads")
    y = np.arange(N)
    dataset = ClassWeights({0: 0.5, 1: 1.5}).map(
        Batches((X, (y % 2)[:, None]), 10, workers=2, use_multiprocessing=processes)
    )
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)
    loss = model.fit(dataset, verbose=0).history["loss"][0]
    assert loss == pytest.approx(0.75)
