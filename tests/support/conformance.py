"""A table of layers. `test_conformance.py` runs a table of checks over each of its rows."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import oracle

from kerasnorm import normalization as kn

CHANNELS = 8


def _all_but_channel(rank):
    return tuple(range(rank - 1))


def _positions(rank):
    return tuple(range(1, rank - 1))


@dataclasses.dataclass(frozen=True)
class Row:
    """A layer, how to make it, and the axes its oracle reduces over.

    Attributes:
        make: a function of the layer's keyword arguments.
        axes: the reduced axes as a function of the rank, for channels-last input.
        groups: channel groups that share statistics, if any.
        ranks: of the inputs it takes, batch axis included.
        arguments: the arguments that are not the defaults, which its attributes must equal.
        wrong: pairs of wrong arguments and what the message must say.
        channels_first: arguments that make it channels first; None: it has no channel axis.
        formula: the oracle, where it is not (x − mean) / deviation.
        shift_invariant: whether the output stays when a number is added to the input.
    """

    make: Callable[..., keras.layers.Layer]
    axes: Callable[[int], tuple[int, ...]]
    groups: int | None = None
    ranks: tuple[int, ...] = (3, 4, 5)
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    wrong: tuple[tuple[dict[str, Any], str], ...] = ()
    channels_first: dict[str, Any] | None = dataclasses.field(default_factory=lambda: {"axis": 1})
    formula: Callable[..., Any] | None = None
    shift_invariant: bool = True

    def __call__(self, **kwargs):
        return self.make(**{**self.arguments, **kwargs})

    def expected(self, x, mask=None, **kwargs):
        if self.formula is not None:
            return self.formula(x, self.axes(x.ndim), mask=mask, **kwargs)
        return oracle.normalize(x, self.axes(x.ndim), groups=self.groups, mask=mask, **kwargs)


WRONG_EPSILON = tuple(
    ({"epsilon": value}, "epsilon") for value in (0, -1, float("nan"), "a", None, True)
)
WRONG_AXIS = tuple(({"axis": value}, "axis") for value in (0, 4, -4, -5, 1.0, "1", None, True))
WRONG_MOMENTUM = tuple(
    ({"momentum": value}, "momentum") for value in (1, -0.1, 1.5, float("nan"), "a", None)
)
COMMON = WRONG_EPSILON + WRONG_AXIS
WRONG_GROUPS = (
    ({"groups": 0}, "groups"),
    ({"groups": -2}, "groups"),
    ({"groups": 2.0}, "groups"),
    ({"groups": 3}, "divisors of 8: 1, 2, 4, 8"),
    ({"groups": 16}, "divisors of 8"),
)

ROWS = {
    "batch": Row(
        kn.BatchNormalization,
        _all_but_channel,
        ranks=(2, 3, 4, 5),
        wrong=(
            *COMMON,
            *WRONG_MOMENTUM,
            ({"axis": [1, 2]}, "axis"),
            ({"virtual_batch_size": 0}, "virtual_batch_size"),
            ({"virtual_batch_size": 2.0}, "virtual_batch_size"),
            ({"virtual_batch_size": 2, "synchronized": True}, "choose one"),
            ({"axis_name": "batch"}, "without `synchronized=True`"),
        ),
    ),
    "batch, no estimates": Row(
        kn.BatchNormalization,
        _all_but_channel,
        ranks=(2, 3, 4, 5),
        arguments={"track_statistics": False},
    ),
    "sync_batch": Row(
        kn.SyncBatchNormalization,
        _all_but_channel,
        ranks=(2, 3, 4, 5),
        wrong=(
            *COMMON,
            *WRONG_MOMENTUM,
            *(({"axis_name": value}, "axis_name") for value in ("", 0, True, ("batch",))),
        ),
    ),
    "layer": Row(
        kn.LayerNormalization,
        lambda rank: (rank - 1,),
        ranks=(2, 3, 4, 5),
        wrong=(
            *COMMON,
            ({"axis": [1, 1]}, "once"),
            ({"axis": [-1, 3]}, "once"),
            ({"axis": []}, "axis"),
            ({"axis": [1, 0]}, "axis"),
            ({"axis": (1, 2.5)}, "axis"),
            ({"normalized_shape": (7,)}, "normalized_shape"),
            ({"normalized_shape": CHANNELS, "axis": 1}, "either"),
        ),
        channels_first=None,
    ),
    "layer over everything": Row(
        kn.LayerNormalization,
        lambda rank: (1, 2, 3),
        ranks=(4,),
        arguments={"axis": (3, 1, -2), "center": False, "scale": False},
        channels_first=None,
    ),
    "layer over time": Row(
        kn.LayerNormalization,
        lambda rank: (1,),
        ranks=(2, 3, 4, 5),
        arguments={"axis": 1, "center": False, "scale": False},
        channels_first=None,
    ),
    "layer of a shape": Row(
        kn.LayerNormalization,
        lambda rank: (rank - 1,),
        ranks=(2, 3, 4, 5),
        arguments={"normalized_shape": (CHANNELS,)},
        channels_first=None,
    ),
    "instance": Row(kn.InstanceNormalization, _positions, wrong=COMMON),
    "instance, with estimates": Row(
        kn.InstanceNormalization,
        _positions,
        arguments={"track_statistics": True, "unbiased": True},
        wrong=WRONG_MOMENTUM,
    ),
    "group": Row(
        kn.GroupNormalization,
        _positions,
        groups=4,
        ranks=(2, 3, 4, 5),
        arguments={"groups": 4},
        wrong=(
            *COMMON,
            *WRONG_GROUPS,
            ({"axis": [1, 2]}, "axis"),
            ({"groups": 4, "group_size": 2}, "either"),
        ),
    ),
    "one group": Row(
        kn.GroupNormalization,
        _positions,
        groups=1,
        ranks=(2, 3, 4, 5),
        arguments={"groups": 1},
    ),
    "one group per channel": Row(kn.GroupNormalization, _positions, arguments={"groups": -1}),
    "groups of a size": Row(
        kn.GroupNormalization,
        _positions,
        groups=4,
        ranks=(2, 3, 4, 5),
        arguments={"group_size": 2},
        wrong=(({"group_size": 3}, "divisors of 8"), ({"group_size": 0}, "group_size")),
    ),
    "filter response": Row(
        kn.FilterResponseNormalization,
        _positions,
        wrong=COMMON,
        formula=oracle.filter_response,
        shift_invariant=False,
    ),
    "filter response, learned epsilon": Row(
        kn.FilterResponseNormalization,
        _positions,
        ranks=(2, 3, 4, 5),
        arguments={"learned_epsilon": True},
        formula=functools.partial(oracle.filter_response, epsilon=1e-6 + 1e-4),
        shift_invariant=False,
    ),
    "switchable": Row(
        kn.SwitchableNormalization,
        _all_but_channel,
        wrong=(*COMMON, *WRONG_MOMENTUM),
        formula=oracle.switchable,
    ),
    "switchable, no estimates": Row(
        kn.SwitchableNormalization,
        _all_but_channel,
        arguments={"track_statistics": False},
        formula=oracle.switchable,
    ),
}

# Layers that are public but no single normalization, with the test file that has their checks.
ELSEWHERE = {
    "AdaptiveInstanceNormalization": "normalization/test_adaptive_instance_normalization.py",
    "ConditionalInstanceNormalization": "normalization/test_conditional_instance_normalization.py",
    "ConvNormActivation": "normalization/test_conv_norm_activation.py",
    "LayerNormGRUCell": "normalization/test_layer_norm_gru_cell.py",
    "LayerNormLSTMCell": "normalization/test_layer_norm_lstm_cell.py",
    "TLU": "normalization/test_tlu.py",
    "SpectralNormalization": "normalization/test_spectral_normalization.py",
    "WeightNormalization": "normalization/test_weight_normalization.py",
    "WeightStandardization": "normalization/test_weight_standardization.py",
}
