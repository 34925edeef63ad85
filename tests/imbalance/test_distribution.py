"""resample under tf.distribute and after a kill: exact parts of the same sequence of batches."""

import itertools
import json
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from processes import free_ports, start
from replicas import two_replicas
from seen import fit_and_look

from kerasnorm.imbalance import FollowEpochs, ResampledDataset, resample

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="TensorFlow's strategies and devices"
)
N = 50
X = np.arange(N)
Y = np.array([0] * 45 + [1] * 5)


def whole(epoch=0, **settings):
    """The ids in each batch of an epoch."""
    dataset = ResampledDataset((X, Y), batch_size=8, seed=3, **settings)
    dataset.epoch_counter.next = epoch
    return [x.tolist() for x, _ in dataset]


@pytest.mark.parametrize(("replicas", "kind"), [(2, "stream"), (4, "indexed")])
def test_replicas_share_each_batch(replicas, kind):
    """50 examples, batch 8: the last 2 leave some of four replicas with nothing."""
    data = tf.data.Dataset.from_tensor_slices((X, Y)) if kind == "stream" else (X, Y)
    settings = {"batch_size": 8, "seed": 3, **({"buffer_size": 20} if kind == "stream" else {})}
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    distributed = strategy.experimental_distribute_dataset(resample(data, **settings))
    found = []
    for x, _ in distributed:
        parts = [part.numpy() for part in strategy.experimental_local_results(x)]
        assert max(map(len, parts)) <= -(-8 // replicas)
        found.append(np.concatenate(parts).tolist())
    assert found == [x.numpy().tolist() for x, _ in resample(data, **settings)]


def test_shards_are_every_other_batch():
    for epoch in (0, 1):
        dataset = [resample((X, Y), batch_size=8, seed=3) for _ in range(2)]
        shards = []
        for i, each in enumerate(dataset):
            each.epoch_counter.next = epoch
            shards.append([x.numpy().tolist() for x, _ in each.shard(2, i)])
        batches = whole(epoch)
        assert shards == [batches[::2], batches[1::2]]


@pytest.mark.distributed
def test_fit_on_replicas_trains_on_whole_epochs():
    ids = X[:, None].astype("float32")
    dataset = resample((ids, ids), labels=Y, batch_size=8, seed=3)
    strategy = two_replicas()

    def read(total):
        return sum(part.numpy() for part in strategy.experimental_local_results(total.value))

    with strategy.scope():
        found = fit_and_look(dataset, N, [FollowEpochs(dataset)], read=read, epochs=3)
    expected = [np.bincount(np.concatenate(whole(epoch)), minlength=N) for epoch in range(3)]
    np.testing.assert_array_equal(found, expected)


WORKER = """
import json
import numpy as np
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()

from kerasnorm.imbalance import resample

dataset = resample((np.arange(50), np.array([0] * 45 + [1] * 5)), batch_size=8, seed=3)
distributed = strategy.experimental_distribute_dataset(dataset)


def ids(x):
    return np.concatenate([p.numpy() for p in strategy.experimental_local_results(x)]).tolist()


print("EPOCHS", json.dumps([[ids(x) for x, _ in distributed] for _ in range(2)]))
"""


@pytest.mark.distributed
def test_workers_share_each_batch():
    """Two workers, a process each: together they have the batches of one."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(2)]
    workers = [start(WORKER, TF_CONFIG=json.dumps(task)) for task in tasks]
    found = []
    try:
        for worker in workers:
            out, err = worker.communicate(timeout=300)
            assert worker.returncode == 0, err[-3000:]
            found.append(json.loads(out.split("EPOCHS")[1]))
    finally:
        for worker in workers:  # one waits for the other
            worker.kill()
    for epoch in range(2):
        both = zip(found[0][epoch], found[1][epoch], strict=True)
        assert [first + second for first, second in both] == whole(epoch)


KILLED = """
import os, signal, sys
import numpy as np
import tensorflow as tf
from kerasnorm.imbalance import resample

dataset = resample((np.arange(50), np.array([0] * 45 + [1] * 5)), batch_size=8, seed=3)
iterator = iter(dataset.repeat())
checkpoint = tf.train.Checkpoint(iterator=iterator)
for step, (x, _) in enumerate(iterator):
    print(x.numpy().tolist(), flush=True)
    checkpoint.write(sys.argv[1])
    if step == 10:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.distributed
def test_a_killed_process_leaves_what_the_next_one_goes_on_from(tmp_path):
    killed = start(KILLED, tmp_path / "state")
    out, err = killed.communicate(timeout=300)
    assert killed.returncode == -signal.SIGKILL, err[-3000:]
    before = [json.loads(line) for line in out.splitlines()]
    iterator = iter(resample((X, Y), batch_size=8, seed=3).repeat())
    tf.train.Checkpoint(iterator=iterator).read(str(tmp_path / "state"))
    after = [x.numpy().tolist() for x, _ in itertools.islice(iterator, 10)]
    assert before + after == [*whole(0), *whole(1), *whole(2)]
