"""Determines the role of a process in a distributed search, from its environment."""

import dataclasses
import os
import re

from kerasnorm._choices import DISTRIBUTED
from kerasnorm._validation import check_choice, listed
from kerasnorm.tuning._keras_tuner import check_version

_ID, _IP, _PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"


@dataclasses.dataclass(frozen=True)
class Role:
    """The part of a process in a search.

    Attributes:
        name: Its own among the processes; the chief's has "chief" in it.
        address: Where the chief answers, "host:port".
    """

    name: str
    address: str

    @property
    def is_chief(self) -> bool:
        """Whether it decides what the others try; keras-tuner's rule."""
        return "chief" in self.name

    @classmethod
    def from_environment(cls) -> "Role":
        """Returns the part that keras-tuner's own variables give this process.

        Raises:
            ValueError: If one is missing or makes no sense.
        """
        if missing := [name for name in (_ID, _IP, _PORT) if not os.environ.get(name)]:
            raise ValueError(
                f"distributed='keras_tuner' goes by the environment; it lacks {listed(missing)}. "
                f"Give each process its own name in {_ID} ('chief' for one, 'worker0', … for the "
                f"others), and all of them the chief's address in {_IP} and a free port of its "
                f"machine in {_PORT}."
            )
        name, port = os.environ[_ID], os.environ[_PORT]
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise ValueError(
                f"{_ID} names a file, too: it should have letters, digits, '_', '-' and '.' only. "
                f"Received: {name!r}."
            )
        if not (port.isascii() and port.isdecimal() and 0 < int(port) < 2**16):
            raise ValueError(f"{_PORT} should be a port, from 1 to 65535. Received: {port!r}.")
        return cls(name, f"{os.environ[_IP]}:{port}")


def role_of(distributed: str | None) -> Role | None:
    """Returns this process's part in a search of keras-tuner's over several, None for no such.

    Raises:
        ValueError: If the environment and what was asked for do not fit, or keras-tuner does not.
    """
    check_choice("distributed", distributed, (None, *DISTRIBUTED))
    if distributed == "keras_tuner":
        check_version()
        return Role.from_environment()
    if distributed is None and _IP in os.environ:
        raise ValueError(
            f"{_IP} is set, which makes keras-tuner share the search. Call `search` with "
            f"distributed='keras_tuner', or unset {_IP}."
        )
    return None
