"""Reads weights by layer, each a list, from HDF5: the legacy format of Keras 2."""

import re
from collections.abc import Iterable

import numpy as np

from kerasnorm.migrate._attributes import is_custom
from kerasnorm.migrate._matching import missing, place
from kerasnorm.migrate._object_weights import refuse_left
from kerasnorm.migrate._plan import Plan
from kerasnorm.migrate._twins import Slot, Twin
from kerasnorm.migrate._values import new_name

Named = list[tuple[str, np.ndarray]]
Owned = tuple[Twin, Slot]
_CLONE = "data_dep_init/"  # of TFA's weight normalization, for its first call


def match_layers(model: Twin, layers: dict[str, Named]) -> Plan:
    """Returns which value goes where.

    Layers are matched by name if all names agree, and otherwise by order.

    Raises:
        ValueError: If weights are missing, left, or do not fit; the message names the layer.
    """
    model_layers = [twin for twin in model.children["layers"] if [*twin.every_slot()]]
    stored = {name: _without_clones(named) for name, named in layers.items() if named}
    names = [twin.layer.name for twin in model_layers]
    if {*names} != {new_name(name) for name in stored}:
        _check_count(model_layers, stored)
        pairs = zip(model_layers, stored.values(), strict=True)
    else:
        by_name = {new_name(name): named for name, named in stored.items()}
        pairs = [(twin, by_name[twin.layer.name]) for twin in model_layers]
    plan = Plan()
    for twin, named in pairs:
        _match_layer(twin, named, plan)
    return plan


def match_flat(model: Twin, named: Named) -> Plan:
    """Returns which value goes where, of weights in one list for all layers.

    They are paired by their names, or else by their order: layer by layer, or what trains first.

    Raises:
        ValueError: If weights are missing, left, or do not fit; the message names the layer.
    """
    layers = [twin for twin in model.children["layers"] if [*twin.every_slot()]]
    each = [_old_order(twin) for twin in layers]
    by_layer = _unique([owned for trains, rests in each for owned in (*trains, *rests)])
    trains, rests = _old_order(model)
    if len(by_layer) > len(named):
        raise ValueError(missing(*by_layer[len(named)]))
    if len(by_layer) < len(named):
        refuse_left([name for name, _ in named[len(by_layer) :]], "The file")
    orders = (by_layer, _unique([*trains, *rests]))
    order = next((order for order in orders if _fits(order, named)), by_layer)
    plan = Plan()
    _place_all(model, _by_name(by_layer, named) or _by_order(model, order, named), plan)
    return plan


def _fits(order: list[Owned], named: Named) -> bool:
    return all(
        _last(name) in slot.names and (slot.variable is None or slot.variable.shape == array.shape)
        for (_, slot), (name, array) in zip(order, named, strict=True)
    )


def _check_count(model_layers: list[Twin], stored: dict[str, Named]) -> None:
    if len(model_layers) == len(stored):
        return
    names = {new_name(name) for name in stored}
    absent = [twin for twin in model_layers if twin.layer.name not in names]
    if len(model_layers) > len(stored):
        twin = (absent or model_layers)[-1]
        raise ValueError(missing(twin, next(twin.every_slot())))
    own = {twin.layer.name for twin in model_layers}
    left = [name for name in stored if new_name(name) not in own] or [*stored]
    refuse_left(left, "The file")


def _without_clones(named: Named) -> Named:
    return [(name, array) for name, array in named if _CLONE not in name]


def _match_layer(twin: Twin, named: Named, plan: Plan) -> None:
    trains, rests = _old_order(twin)
    owned = _unique([*trains, *rests])
    if len(owned) > len(named):
        raise ValueError(missing(*owned[len(named)]))
    if len(owned) < len(named):
        refuse_left([f"{twin.path}: {name}" for name, _ in named[len(owned) :]], "The file")
    _place_all(twin, _by_name(owned, named) or _by_order(twin, owned, named), plan)


def _place_all(twin: Twin, pairs: list[tuple[Owned, np.ndarray]], plan: Plan) -> None:
    arrays: dict[int, dict[Slot, np.ndarray]] = {}
    for (owner, slot), array in pairs:
        arrays.setdefault(id(owner), {})[slot] = array
    for owner in twin.every():
        place(owner, arrays.get(id(owner), {}), plan)


def _by_name(owned: list[Owned], named: Named) -> list[tuple[Owned, np.ndarray]] | None:
    """Pairs weights that have names of their own, whatever was frozen when the file was made."""
    found = []
    for owner, slot in owned:
        kinds = (
            [i for i, (name, _) in enumerate(named) if _is_called(name, owner, slot, exact)]
            for exact in (True, False)
        )
        matches = next((each for each in kinds if each), [])
        if len(matches) != 1:
            return None
        found.append(((owner, slot), matches[0]))
    if len({index for _, index in found}) != len(named):
        return None
    return [(pair, named[index][1]) for pair, index in found]


def _is_called(name: str, owner: Twin, slot: Slot, exact: bool) -> bool:
    of, layer = new_name(name.rpartition("/")[0]), owner.layer.name
    return _last(name) in slot.names and (of == layer or (not exact and of.endswith(f"_{layer}")))


def _by_order(twin: Twin, owned: list[Owned], named: Named) -> list[tuple[Owned, np.ndarray]]:
    for (owner, slot), (name, _) in zip(owned, named, strict=True):
        if _last(name) not in slot.names and not _is_unnamed(_last(name), owner):
            raise ValueError(
                f"Layer '{owner.path}': the file has the weight {name!r} where "
                f"'{slot.names[-1]}' of a {owner.old_class} should be. Give the model the layers, "
                f"in the order and with the names and flags, that '{twin.path}' had."
            )
    return [(pair, array) for pair, (_, array) in zip(owned, named, strict=True)]


def _is_unnamed(name: str, owner: Twin) -> bool:
    """Returns whether a weight of a user's own layer has been given no name."""
    return name.lower() == "variable" and is_custom(owner.layer)


def _last(name: str) -> str:
    """Returns a weight's own name: "kernel" of "dense/kernel:0"."""
    return re.sub(r"(_\d+)?(:\d+)?$", "", name.rpartition("/")[2])


def _old_order(twin: Twin) -> tuple[list[Owned], list[Owned]]:
    """Returns the weights that train and those that do not, in Keras 2's order."""
    own = (
        [(twin, slot) for slot in twin.slots if slot.trains],
        [(twin, slot) for slot in twin.slots if not slot.trains],
    )
    inside = [_old_order(child) for child in twin.inside()]
    theirs = _joined(trains for trains, _ in inside), _joined(rests for _, rests in inside)
    if "layers" in twin.children:
        trains, rests = theirs[0] + own[0], theirs[1] + own[1]
        return (trains, rests) if twin.layer.trainable else ([], trains + rests)
    if twin.layer.trainable:
        return own[0] + theirs[0], own[1] + theirs[1]
    return [], [*own[0], *own[1], *_joined(trains + rests for trains, rests in inside)]


def _joined(lists: Iterable[list[Owned]]) -> list[Owned]:
    return [owned for each in lists for owned in each]


def _unique(owned: list[Owned]) -> list[Owned]:
    return list({id(slot): (owner, slot) for owner, slot in reversed(owned)}.values())[::-1]
