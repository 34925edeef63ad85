"""Reads the processes of a job from the environment variable TF_CONFIG."""

import dataclasses
import json
import os
import re

from kerasnorm._validation import listed

_EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_ADDRESS = re.compile(r"^(\[[0-9a-fA-F:.]+\]|[^:/\s]+):(\d{1,5})$")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Holds the workers of a job, the chief first, and which of them this process is.

    Attributes:
        addresses: "host:port" of each.
        index: Number of this one in them.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Returns whether this process writes the files of the job."""
        return self.index == 0


def read_cluster() -> Cluster | None:
    """Returns the cluster in TF_CONFIG; None if it names no second process.

    Raises:
        ValueError: If it is not as in TensorFlow's documentation, or has parameter servers.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return None
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(_wrong(f"is no JSON ({error})", text)) from error
    jobs, task = _parts(config, text)
    if "ps" in jobs:
        raise ValueError(
            "TF_CONFIG names parameter servers ('ps'), which are not supported: `fit` of Keras "
            "3 has no ParameterServerStrategy, and without common steps there are no statistics "
            "to synchronize. Name only 'worker's; they keep the variables themselves."
        )
    if other := jobs.keys() - {"chief", "worker"}:
        raise ValueError(_wrong(f"names {listed(other)} in its cluster", text))
    members = [(job, i) for job in ("chief", "worker") for i in range(len(jobs.get(job, ())))]
    if task not in members:
        raise ValueError(_wrong(f"says that this is {task[0]} {task[1]}, which it lacks", text))
    if len(jobs.get("chief", ())) > 1:
        raise ValueError(_wrong("names more than one chief", text))
    addresses = tuple(jobs[job][i] for job, i in members)
    if len({*addresses}) < len(addresses):
        raise ValueError(_wrong("names an address twice", text))
    return Cluster(addresses, members.index(task)) if len(addresses) > 1 else None


def _parts(config: object, text: str) -> tuple[dict[str, list[str]], tuple[str, int]]:
    """Returns the addresses of each job, and the task's job and number."""
    jobs = config.get("cluster", {}) if isinstance(config, dict) else None
    if not isinstance(jobs, dict) or not all(isinstance(part, list) for part in jobs.values()):
        raise ValueError(_wrong("has no 'cluster' of lists of addresses", text))
    for address in (each for part in jobs.values() for each in part):
        found = _ADDRESS.match(address) if isinstance(address, str) else None
        if found is None or not 0 < int(found[2]) < 2**16:
            raise ValueError(_wrong(f"has {address!r} for an address", text))
    task = config.get("task")
    kind, index = (task.get(name) if isinstance(task, dict) else None for name in ("type", "index"))
    if not isinstance(kind, str) or not str(index).isdecimal():
        raise ValueError(_wrong("has no 'task' with a type and an index", text))
    return jobs, (kind, int(index))


def _wrong(what: str, text: str) -> str:
    return f"TF_CONFIG {what}. It should be like {_EXAMPLE}. Received: {text}"
