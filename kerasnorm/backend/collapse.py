"""Fewer axes: neighbours with the same role become one, which every backend reduces faster."""

import math

from keras import ops

from kerasnorm.backend.reference import View


def collapse(tensors, view: View):
    """Merges neighbouring axes that are reduced alike and along which γ and β vary alike.

    Args:
        tensors: the input first, then tensors that broadcast to it, or None.
        view: the axes.

    Returns:
        The tensors, and the view of their axes.
    """
    runs = _runs(len(tensors[0].shape), view)
    position = {axis: index for index, run in enumerate(runs) for axis in run}
    collapsed = view._replace(
        reduced=tuple(sorted({position[axis] for axis in view.reduced})),
        broadcast=tuple(sorted({position[axis] for axis in view.broadcast})),
        channel=position[view.channel],
    )
    return [None if x is None else _merge(x, runs) for x in tensors], collapsed


def _runs(rank, view):
    runs = []
    for axis in range(rank):
        role = axis in view.reduced, axis in view.broadcast, axis == view.channel
        if runs and runs[-1][0] == role:
            runs[-1][1].append(axis)
        else:
            runs.append((role, [axis]))
    return [run for _, run in runs]


def _merge(x, runs):
    shape = ops.shape(x)
    return ops.reshape(x, [math.prod(shape[axis] for axis in run) for run in runs])
