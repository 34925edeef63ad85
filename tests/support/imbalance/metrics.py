"""Every metric of a classifier with what scikit-learn says, and examples for them."""

import numpy as np
from keras import ops
from sklearn import metrics as sk

from kerasnorm.imbalance import metrics as km

K = 5
COUNTS = [500, 101, 100, 20, 19]


def balanced_accuracy(y, predicted, weights=None):
    return {"": sk.balanced_accuracy_score(y, predicted, sample_weight=weights)}


def recalls(y, predicted, weights=None):
    found = sk.recall_score(
        y, predicted, labels=range(K), average=None, zero_division=np.nan, sample_weight=weights
    )
    return {"": found}


def macro_f1(y, predicted, weights=None):
    return {"": sk.f1_score(y, predicted, average="macro", sample_weight=weights)}


def groups(y, predicted, weights=None):
    found = recalls(y, predicted, weights)[""]
    members = {"many": [0, 1], "medium": [2, 3], "few": [4]}
    present = {name: [c for c in group if c in y] for name, group in members.items()}
    return {name: np.mean(found[group]) if group else np.nan for name, group in present.items()}


METRICS = {
    "balanced accuracy": (lambda **settings: km.BalancedAccuracy(K, **settings), balanced_accuracy),
    "recalls": (lambda **settings: km.PerClassRecall(K, **settings), recalls),
    "macro F1": (lambda **settings: km.MacroF1(K, **settings), macro_f1),
    "groups": (lambda **settings: km.GroupAccuracy(COUNTS, **settings), groups),
}

# which classes have no label, and which are not predicted either
ABSENT = {
    "none": ((), ()),
    "predicted": ((4,), ()),
    "all of few": ((4,), (4,)),
    "one": ((0, 1, 2, 4), ()),
}


def draw(rng, shape=(60,), absent=()):
    y = rng.choice([c for c in range(K) if c not in absent], shape)
    z = rng.normal(size=(*shape, K)).astype("float32")
    z += 1.5 * (y[..., None] == np.arange(K))
    return y, z


def check(metric, expected):
    found = metric.result()
    found = found if isinstance(found, dict) else {"": found}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(
            ops.convert_to_numpy(found[name]), value, rtol=1e-5, err_msg=name
        )


def check_absent_classes(name, absent, rng):
    """The metric agrees with scikit-learn where classes have no label or are never predicted."""
    make, expected = METRICS[name]
    labels, predictions = ABSENT[absent]
    y, z = draw(rng, absent=labels)
    z[:, list(predictions)] = -50
    metric = make()
    metric.update_state(y, z)
    check(metric, expected(y, z.argmax(-1)))
