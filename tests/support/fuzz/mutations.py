"""Bad input, drawn from a seed: bytes, values and arrays that are no longer what they were."""

import contextlib
import copy
import faulthandler
import functools
import operator
import os
import random
import sys

WRONG = (
    *(None, True, False, -1, 0, 0.5, 10**6, 10**30, float("nan"), float("inf"), "", "x", "é\0"),
    *("\ud800", [], {}, [[]], [None, 3, 3], ["a", {}], {"class_name": "x"}),
    {"class_name": None, "config": 3},
)


def dice_for(few):
    """Yields a seeded generator for each bad input: `few` of them, in `make soak` many."""
    for seed in range(max(few, int(os.environ.get("KERASNORM_FUZZ", 0)))):
        yield random.Random(seed)


@contextlib.contextmanager
def in_time():
    """Ends the process, with a traceback, if what is inside hangs."""
    faulthandler.dump_traceback_later(120, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def refusal(call, *arguments, says="'", errors=(ValueError, OSError)):
    """Returns the message of the error that a call raises, which names what is bad, or None."""
    try:
        with in_time():
            call(*arguments)
    except errors as error:
        message = str(error)
        assert says in message and len(message) > 20, message
        return message
    return None


def changed_bytes(content, dice):
    """Returns bytes cut, flipped, set, put in, left out or repeated somewhere."""
    damaged = bytearray(content or b"nothing")
    start = dice.randrange(len(damaged))
    part = slice(start, start + dice.choice((1, 2, 4, 8, 64, 1024)))
    size = len(damaged[part])
    match dice.randrange(6):
        case 0:
            del damaged[start:]
        case 1:
            for _ in range(dice.choice((1, 4, 64))):
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        case 2:
            damaged[part] = dice.choice((b"\0", b"\xff", b"\x7f")) * size
        case 3:
            damaged[start:start] = dice.randbytes(size)
        case 4:
            del damaged[part]
        case 5:
            damaged[start:start] = damaged[part]
    return bytes(damaged)


def _places(value, path=()):
    """Yields the ways to everything in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from _places(item, (*path, key))


def _at(value, way):
    """Returns what is at a place in a JSON value."""
    return functools.reduce(operator.getitem, way, value)


def changed_value(value, dice):
    """Returns a JSON value with something wrong, missing, too much or elsewhere in it."""
    value = copy.deepcopy(value)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        places = list(_places(value))
        if not places:
            return value
        *way, last = dice.choice(places)
        holder = _at(value, way)
        match dice.randrange(8):
            case 0:
                del holder[last]
            case 1 if isinstance(holder, list):
                holder.insert(last, copy.deepcopy(holder[last]))
            case 1:
                holder[f"{last}x"] = holder.pop(last)
            case 2:
                holder[last] = copy.deepcopy(_at(value, dice.choice(places)))
            case 3 if isinstance(holder[last], int | float):
                holder[last] *= dice.choice((-1, 0, 0.5, 2, 1000))
            case _:
                holder[last] = copy.deepcopy(dice.choice(WRONG))
    return value
