"""PyTorch's functional norms as a second oracle, forward and backward, wherever torch is installed.

The first shapes and settings are those of torch's own tests of these modules (`module_inputs_*`
in `torch.testing._internal.common_modules`, and the functional ones of
`common_methods_invocations`); the rest are odd ones. torch computes in float64 here.
"""

import dataclasses

import keras
import numpy as np
import pytest
from gradients import output_and_gradient
from keras import ops

from kerasnorm import normalization as kn

torch = pytest.importorskip("torch")
functional = torch.nn.functional

RTOL = 1e-4
LAYERS = {
    "batch": kn.BatchNormalization,
    "instance": kn.InstanceNormalization,
    "group": kn.GroupNormalization,
    "layer": kn.LayerNormalization,
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A shape, channels first, and the settings of a norm.

    Attributes:
        kind: a key of `LAYERS`.
        shape: of the input, batch and channels before the positions.
        settings: epsilon, groups or normalized_shape.
        affine: "γβ", "γ" or "".
        mean: of the input, whose deviation is 2.
    """

    kind: str
    shape: tuple[int, ...]
    settings: dict
    affine: str = "γβ"
    mean: float = 1.0

    def __str__(self):
        settings = " ".join(f"{key}={value}" for key, value in self.settings.items())
        mean = "" if self.mean == 1 else f" mean {self.mean:g}"
        return f"{self.kind} {self.shape} {settings} {self.affine}{mean}"

    @property
    def parameter_shape(self):
        return tuple(self.settings.get("normalized_shape", self.shape[1:2]))

    def layer(self, axis=1, **kwargs):
        axes = {} if self.kind == "layer" else {"axis": axis}
        chosen = {"center": "β" in self.affine, "scale": "γ" in self.affine}
        return LAYERS[self.kind](**axes, **chosen, **self.settings, **kwargs)

    def torch(self, x, gamma, beta):
        epsilon = self.settings["epsilon"]
        if self.kind == "group":
            return functional.group_norm(x, self.settings["groups"], gamma, beta, epsilon)
        if self.kind == "layer":
            return functional.layer_norm(x, self.parameter_shape, gamma, beta, epsilon)
        if self.kind == "instance":
            return functional.instance_norm(x, weight=gamma, bias=beta, eps=epsilon)
        return functional.batch_norm(x, None, None, gamma, beta, training=True, eps=epsilon)


def cases(kind, *rows, mean=1.0, **settings):
    """Makes a case of each (shape, affine) or (shape, affine, settings)."""
    return [
        Case(kind, shape, {"epsilon": 1e-5, **settings, **dict(*rest)}, affine, mean)
        for shape, affine, *rest in rows
    ]


TORCH = [
    # BatchNorm1d, 2d and 3d
    *cases("batch", ((4, 10), "γβ"), ((4, 5, 3), "γβ"), ((4, 10), "γ")),
    *cases("batch", ((4, 10), "γβ"), ((4, 10), ""), ((4, 5, 3), ""), epsilon=1e-3),
    *cases("batch", ((2, 3, 6, 6), "γβ"), ((2, 3, 6, 6), "γ"), ((2, 3, 4, 4, 4), "γβ")),
    *cases("batch", ((2, 3, 4, 4, 4), "γ")),
    *cases("batch", ((2, 3, 6, 6), "γβ"), ((2, 3, 6, 6), ""), epsilon=1e-3),
    *cases("batch", ((2, 3, 4, 4, 4), "γβ"), ((2, 3, 4, 4, 4), ""), epsilon=1e-3),
    # batch_norm
    *cases("batch", ((5, 5, 5), "γβ", {"epsilon": 0.6}), ((3, 1), "γβ"), ((2, 1), "γβ")),
    *cases("batch", ((3, 2, 3, 4), "γβ", {"epsilon": 0.5}), ((1, 2, 3), "")),
    # InstanceNorm1d, 2d and 3d
    *cases("instance", *(((4, 3, 15), kind) for kind in ("", "γβ", "γ")), epsilon=1e-3),
    *cases("instance", *(((4, 3, 6, 6), kind) for kind in ("", "γβ", "γ")), epsilon=1e-3),
    *cases("instance", *(((4, 3, 4, 4, 4), kind) for kind in ("", "γβ", "γ")), epsilon=1e-3),
    # instance_norm
    *cases("instance", ((5, 5, 5), "γβ", {"epsilon": 0.6}), ((3, 2, 4), "γβ"), ((1, 2, 3), "")),
    *cases("instance", ((3, 2, 3, 4), "γβ"), ((3, 2, 3, 4), "γ"), epsilon=0.5),
    # GroupNorm
    *cases("group", ((4, 6, 5), "γβ"), ((4, 6, 5), "γ"), groups=3, epsilon=1e-3),
    *cases("group", ((4, 12), "γβ"), ((4, 6, 2, 3), "γβ"), groups=3, epsilon=1e-3),
    *cases("group", ((4, 9, 2, 3), "γ"), ((4, 3, 2, 3), ""), groups=3, epsilon=1e-3),
    *cases("group", ((150, 6), "γβ"), ((4, 10), ""), ((4, 3, 2, 3), ""), groups=1, epsilon=1e-3),
    *cases("group", ((4, 5, 5), ""), groups=5, epsilon=1e-3),
    # group_norm
    *cases("group", ((1, 6, 3), "γβ"), ((1, 6, 3), ""), groups=2, epsilon=0.5),
    *cases("group", ((1, 3), "γβ"), ((1, 2), ""), ((5, 5, 5), "γβ"), groups=1),
    *cases("group", ((20, 6, 10, 10), "γβ"), groups=3),
    # LayerNorm
    *cases("layer", ((4, 5, 5), "γβ"), ((4, 5, 5), ""), normalized_shape=(5,), epsilon=1e-3),
    *cases("layer", ((128, 5, 5), "γβ"), normalized_shape=(5,), epsilon=1e-3),
    *cases(
        "layer",
        *(((4, 2, 2, 5), kind) for kind in ("γβ", "", "γ")),
        normalized_shape=(2, 2, 5),
        epsilon=1e-3,
    ),
    # layer_norm, whose input may be a single example without a batch axis
    *cases("layer", ((1, 2), "γβ"), ((1, 2), ""), normalized_shape=(2,)),
]
ODD = [
    # prime sizes
    *cases("batch", ((7, 13, 11, 5), "γβ"), ((17, 31), "γβ")),
    *cases("instance", ((3, 7, 11, 13), "γβ")),
    *cases("group", ((3, 7, 11, 13), "γβ"), groups=7),
    *cases("layer", ((3, 7, 13), "γβ"), normalized_shape=(7, 13)),
    # one channel, one example, one position
    *cases("batch", ((5, 1, 3, 3), "γβ"), ((1, 4, 3, 2), "γβ"), ((6, 4, 1, 1), "γβ")),
    *cases("instance", ((2, 1, 5, 3), "γβ"), ((1, 6, 2), "γβ")),
    *cases("group", ((2, 1, 5, 3), "γβ"), ((1, 6, 1, 1), "γβ"), groups=1),
    *cases("group", ((2, 6, 1, 1), "γβ"), ((2, 6), "γ"), groups=2),
    *cases("layer", ((1, 1, 1, 6), "γβ"), normalized_shape=(6,)),
    # means that are large beside the deviation
    *cases("batch", ((4, 3, 7, 5), "γβ"), ((4, 3, 7, 5), ""), mean=1e4),
    *cases("instance", ((4, 3, 7, 5), "γβ"), mean=1e4),
    *cases("group", ((4, 6, 7, 5), "γβ"), groups=2, mean=1e4),
    *cases("layer", ((4, 3, 35), "γβ"), normalized_shape=(35,), mean=-1e4),
]
every_case = pytest.mark.parametrize("case", [*TORCH, *ODD], ids=str)


def arrays(case):
    random = np.random.default_rng(0)
    x = (random.normal(size=case.shape) * 2 + case.mean).astype("float32")
    upstream = random.normal(size=case.shape).astype("float32")
    parameters = [random.normal(size=case.parameter_shape).astype("float32") for _ in case.affine]
    return x, upstream, parameters


def expected(case, x, upstream, parameters):
    """Returns torch's output and gradients of x and the parameters, of float64."""
    leaves = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x, *parameters)]
    y = case.torch(*[*leaves, None, None][:3])
    (y * torch.tensor(upstream)).sum().backward()
    return [y.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)]


def found(layer, x, upstream, parameters):
    """Returns the layer's output and gradients, all of them in one backward pass."""
    layer.build(x.shape)
    state = [ops.convert_to_numpy(variable) for variable in layer.non_trainable_variables]
    leaves = [x, *parameters]
    ends = np.cumsum([leaf.size for leaf in leaves]).tolist()

    def call(vector):
        x, *weights = (
            ops.reshape(vector[end - leaf.size : end], leaf.shape)
            for end, leaf in zip(ends, leaves, strict=True)
        )
        return layer.stateless_call(weights, state, x, training=True)[0]

    vector = np.concatenate([leaf.ravel() for leaf in leaves])
    y, slopes = output_and_gradient(call, vector, upstream)
    slopes = np.split(slopes, ends[:-1])
    return [y, *(part.reshape(leaf.shape) for part, leaf in zip(slopes, leaves, strict=True))]


def compare(results, references, case):
    names = ["y", "dx", *(f"d{name}" for name in case.affine)]
    for name, result, reference in zip(names, results, references, strict=True):
        scale = max(1.0, np.abs(reference).max(initial=0))
        np.testing.assert_allclose(
            result, reference, rtol=RTOL, atol=2e-5 * scale, err_msg=name, equal_nan=False
        )


@every_case
def test_channels_first(case):
    given = arrays(case)
    compare(found(case.layer(), *given), expected(case, *given), case)


@pytest.mark.parametrize("case", [case for case in ODD if case.kind != "layer"], ids=str)
def test_channels_last_is_torch_s_transposed(case):
    x, upstream, parameters = arrays(case)
    last = [np.ascontiguousarray(np.moveaxis(part, 1, -1)) for part in (x, upstream)]
    y, dx, *slopes = found(case.layer(axis=-1), *last, parameters)
    results = [*(np.moveaxis(part, -1, 1) for part in (y, dx)), *slopes]
    compare(results, expected(case, x, upstream, parameters), case)


@pytest.mark.skipif(keras.config.backend() == "jax", reason="its arrays have no strides")
@pytest.mark.parametrize("case", ODD, ids=str)
def test_inputs_that_are_not_contiguous(case):
    x, upstream, parameters = arrays(case)
    wide = np.full((*case.shape[:-1], 2 * case.shape[-1]), np.nan, "float32")
    wide[..., ::2] = x
    strided = ops.convert_to_tensor(wide)[..., ::2]
    layer = case.layer()
    layer.build(case.shape)
    for weight, value in zip(layer.trainable_variables, parameters, strict=True):
        weight.assign(value)
    y = ops.convert_to_numpy(layer(strided, training=True))
    np.testing.assert_allclose(y, expected(case, x, upstream, parameters)[0], atol=3e-5)


EMPTY = [
    *cases("batch", ((0, 5, 9), ""), ((0, 5, 2, 2), ""), ((0, 5, 2, 2, 2), "γβ")),
    *cases("instance", ((0, 3, 4), "γβ")),
    *cases("group", ((0, 2), "γβ"), groups=1),
    *cases("layer", ((0, 5), "γβ"), normalized_shape=(5,)),
]


@pytest.mark.parametrize("case", EMPTY, ids=str)
def test_empty_batch_has_gradients_of_zero(case):
    x, upstream, parameters = arrays(case)
    y, dx, *slopes = found(case.layer(), x, upstream, parameters)
    assert y.shape == dx.shape == case.shape
    assert len(slopes) == len(parameters) and all((slope == 0).all() for slope in slopes)


@pytest.mark.parametrize(
    ("shape", "momentum"),
    [((4, 10), 0.3), ((4, 5, 3), 0.3), ((2, 3, 6, 6), 1.0), ((2, 3, 4, 4, 4), 0.3)],
    ids=str,
)
@pytest.mark.parametrize(
    ("layer_class", "function"),
    [
        (kn.BatchNormalization, functional.batch_norm),
        (kn.InstanceNormalization, functional.instance_norm),
    ],
)
def test_running_statistics(rng, layer_class, function, shape, momentum):
    """torch's momentum m is Keras' 1 − m, and its running variance is unbiased."""
    if layer_class is kn.InstanceNormalization and len(shape) == 2:
        pytest.skip("an instance has no positions")
    layer = layer_class(
        axis=1, momentum=1 - momentum, epsilon=1e-3, unbiased=True, track_statistics=True
    )
    mean, variance = torch.zeros(shape[1]), torch.ones(shape[1])
    for _ in range(3):
        x = rng.normal(1, 2, size=shape).astype("float32")
        layer(x, training=True)
        function(torch.tensor(x), mean, variance, None, None, True, momentum)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.moving_mean), mean, rtol=RTOL, atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.moving_variance), variance, rtol=RTOL)
    y = function(torch.tensor(x), mean, variance, None, None, False, momentum, 1e-3)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), y, rtol=RTOL, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (kn.LayerNormalization(normalized_shape=(1,)), (0, 1)),
        (kn.InstanceNormalization(axis=1), (2, 3, 1)),
        (kn.GroupNormalization(groups=3, axis=1), (2, 3)),
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else type(value).__name__,
)
def test_one_value_a_statistic_is_refused_where_torch_returns_the_bias(layer, shape):
    with pytest.raises(ValueError, match="single value"):
        layer.build(shape)
