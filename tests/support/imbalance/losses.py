"""Every public loss in a table, examples for them, and the check against a formula."""

import functools

import numpy as np
from gradients import output_and_gradient
from imbalance import loss_formulas
from keras import ops

from kerasnorm.imbalance import losses as kl

K = 4
COUNTS = [500, 60, 7, 1]
ALPHA = [0.5, 1.0, 2.0, 4.0]

LOSSES = {
    "focal": functools.partial(kl.SparseFocalCrossentropy, alpha=ALPHA),
    "logit adjusted": functools.partial(kl.LogitAdjusted, COUNTS),
    "balanced softmax": functools.partial(kl.BalancedSoftmax, COUNTS),
    "LDAM": functools.partial(kl.LDAM, COUNTS),
    "seesaw": functools.partial(kl.Seesaw, K, counts=COUNTS),
    "seesaw, counting": functools.partial(kl.Seesaw, K),
    "lovasz": kl.LovaszSoftmax,
    "lovasz, per image": functools.partial(kl.LovaszSoftmax, "all", per_image=True),
    "class balanced": kl.ClassBalancedBinaryCrossentropy,
    "asymmetric": kl.AsymmetricLoss,
    "labels": functools.partial(kl.LabelCrossentropy, 1.5, [[1, 2], [3, 1], [1, 1], [0, 5]]),
}
# one of each kind: those left out differ from "focal" in nothing but their formulas
KINDS = "focal", "seesaw, counting", "lovasz", "class balanced", "asymmetric"

EXTREME = np.array(
    [
        [1e4, -1e4, 0, 3],
        [-1e4, 1e4, 1e4, -1e4],
        [1e4, 1e4 + 1, 1e4 - 2, 1e4 + 3],
        [-1e4, -1e4 + 1, -1e4 - 2, -1e4],
    ],
    "float32",
)


def draw(rng, shape=(3,), n=3):
    """Labels (n, ...) with every class, and logits (n, ..., K)."""
    y = rng.permuted(np.resize(np.arange(K), (n, *shape)))
    return y, rng.normal(0, 2, (n, *shape, K)).astype("float32")


def is_binary(name):
    return name in ("class balanced", "asymmetric", "labels")


def targets(name, y):
    """The labels that the loss takes beside logits (..., K)."""
    return (y[..., None] == np.arange(K)).astype("int32") if is_binary(name) else y


def value_and_slope(loss, y, z, *weights):
    """Returns Σ of what the loss returns, and its gradient at the logits."""
    return output_and_gradient(lambda x: ops.sum(loss(y, x, *weights)), z, np.float32(1))


def check_formula(make, formula, rng):
    """Values and gradients of each label at extreme logits, at moderate ones and at small ones."""
    y, z = draw(rng, (), n=16)
    y = np.concatenate([np.repeat(np.arange(K), len(EXTREME)), y, y])
    z = np.concatenate([*[EXTREME] * K, z, z / 100])
    loss, exact = make(reduction=None), z.astype(float)
    found, found_slope = output_and_gradient(lambda x: loss(y, x), z, np.ones(len(y), "float32"))
    extreme, others = slice(0, 16), slice(16, None)
    expected = formula(exact, y, exact)
    np.testing.assert_allclose(found[extreme], expected[extreme], rtol=2e-6, atol=2e-7)
    np.testing.assert_allclose(found[others], expected[others], rtol=1e-5, atol=1e-6)
    for rows, step, rtol, atol in ((extreme, 1e-3, 2e-3, 2e-5), (others, 1e-5, 1e-4, 1e-5)):
        expected = loss_formulas.slope(
            lambda x, rows=rows: formula(x, y[rows], exact[rows]), z[rows], step
        )
        np.testing.assert_allclose(found_slope[rows], expected, rtol=rtol, atol=atol)
