"""ResampledDataset: the epochs of resample without tf.data, and FollowEpochs, on every backend."""

import keras
import numpy as np
import pytest
from backends import once
from seen import fit_and_look

from kerasnorm.imbalance import FollowEpochs, ResampledDataset, resample

N = 50
X = np.arange(N, dtype="float32")[:, None]
Y = np.array([0] * 45 + [1] * 5)
SETTINGS = [
    {},
    {"strategy": "repeat_factor", "threshold": 0.4, "seed": 7},
    {"strategy": "progressive", "epochs": 2},
    {"weights": np.arange(N), "epoch_size": 33},
]


def ids(batches):
    return [np.asarray(x).ravel().tolist() for x, *_ in batches]


@once
@pytest.mark.parametrize("settings", SETTINGS)
def test_epochs_are_those_of_resample(settings):
    ours = ResampledDataset((X, Y), batch_size=8, **settings)
    theirs = resample((X, Y), batch_size=8, **settings)
    assert len(ours) == int(theirs.cardinality())
    for epoch in range(3):
        ours.epoch_counter.next = epoch
        assert ids(ours) == ids(theirs.as_numpy_iterator())


@once
def test_structure_dtypes_and_shapes_are_kept(tmp_path):
    np.save(tmp_path / "x.npy", X)
    x = {"disk": np.load(tmp_path / "x.npy", mmap_mode="r"), "text": np.array(["a", "b"] * 25)}
    data = (x, (Y.astype("uint8"), np.eye(2, dtype="float16")[Y]), np.ones(N))
    batch = ResampledDataset(data, labels=Y, batch_size=8)[0]
    assert type(batch[0]["disk"]) is np.ndarray and batch[0]["disk"].shape == (8, 1)
    assert batch[0]["text"].dtype == x["text"].dtype
    assert [part.dtype.name for part in batch[1]] == ["uint8", "float16"]
    assert batch[1][1].shape == (8, 2) and batch[2].dtype == "float64"


@once
def test_wrong_arguments_are_refused_as_by_resample():
    for arguments, message in [
        ({"data": X}, "tuple"),
        ({"strategy": "nearest"}, "'class_balanced'"),
        ({"batch_size": 0}, "batch_size"),
        ({"missing": "error", "num_classes": 3}, "class 2"),
    ]:
        with pytest.raises(ValueError, match=message):
            ResampledDataset(**{"data": (X, Y), **arguments})
    with pytest.raises(IndexError, match="0 to 1"):
        ResampledDataset((X, Y))[2]


def expected(epochs):
    dataset = ResampledDataset((X, X), labels=Y, batch_size=8)
    found = []
    for epoch in epochs:
        dataset.epoch_counter.next = epoch
        found.append(np.bincount(np.concatenate(ids(dataset)).astype(int), minlength=N))
    return np.array(found)


@pytest.mark.parametrize("built", [True, False], ids=["built", "unbuilt"])
def test_fit_trains_on_one_epoch_after_another(built):
    dataset = ResampledDataset((X, X), labels=Y, batch_size=8)
    np.testing.assert_array_equal(
        fit_and_look(dataset, N, built=built, epochs=3), expected(range(3))
    )


class InWorkers(keras.utils.PyDataset):
    """What a user writes to augment in workers."""

    def __init__(self, dataset, **workers):
        super().__init__(**workers)
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return self.dataset[index]


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="Keras mixes epochs there; see the class"
)
@pytest.mark.parametrize("processes", [False, True])
def test_workers_make_the_batches_of_the_epoch(processes):
    dataset = ResampledDataset((X, X), labels=Y, batch_size=8)
    workers = InWorkers(dataset, workers=2, use_multiprocessing=processes, max_queue_size=3)
    found = fit_and_look(workers, N, [FollowEpochs(dataset)], epochs=3)
    np.testing.assert_array_equal(found, expected(range(3)))


@pytest.mark.parametrize(("make", "built"), [(resample, True), (ResampledDataset, False)])
def test_follow_epochs_goes_on_with_the_epoch_of_fit(make, built):
    dataset = make((X, X), labels=Y, batch_size=8)
    found = fit_and_look(dataset, N, [FollowEpochs(dataset)], built, initial_epoch=3, epochs=5)
    np.testing.assert_array_equal(found, expected([3, 4]))


@once
def test_follow_epochs_needs_the_dataset_itself():
    with pytest.raises(ValueError, match=r"ResampledDataset. returned"):
        FollowEpochs(resample((X, Y)).prefetch(1))


def test_fit_after_back_up_and_restore_sees_what_it_would_have_seen(tmp_path):
    def start(interrupt_at):
        dataset = resample((X, X), labels=Y, batch_size=8)
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")

        def stop(epoch, logs):
            if epoch == interrupt_at:
                raise KeyboardInterrupt

        stop = keras.callbacks.LambdaCallback(on_epoch_begin=stop)
        return fit_and_look(dataset, N, [FollowEpochs(dataset), backup, stop], epochs=3)

    with pytest.raises(KeyboardInterrupt):
        start(1)
    np.testing.assert_array_equal(start(None), expected([1, 2]))
