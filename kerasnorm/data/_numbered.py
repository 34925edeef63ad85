"""Examples whose labels are names, with the numbers of these."""

from typing import Any

import numpy as np

from kerasnorm.data._arrays import to_numpy, without_objects
from kerasnorm.data._classes import number_names
from kerasnorm.data._dataset import is_dataset, read_dataset
from kerasnorm.data._forms import as_known_form, dataset_of


def numbered(
    name: str, data: Any, names: tuple[str, ...] | None = None
) -> tuple[Any, tuple[str, ...]]:
    """Returns examples with numbers in place of names, and the names in the order of these.

    Labels that are no names stay as they are.

    Args:
        name: The argument's name, for messages.
        data: Arrays (x, y), a Dataset of such pairs, or what else examples come as.
        names: Those of the classes; () if these are numbers. None: those that come up, sorted.

    Raises:
        ValueError: If a name is not among them, or there are names in one part and numbers in
            another.

    >>> (x, y), names = numbered("train", (np.zeros((3, 2)), ["owl", "cat", "owl"]))
    >>> y, names
    (array([1, 0, 1]), ('cat', 'owl'))
    """
    data = as_known_form(data, name)
    labels, with_numbers = _labels_in(data, name)
    if labels is None or not _are_names(labels):
        if names:
            number_names(np.zeros(1, int), name, names)  # says that these are numbers
        return data, ()
    numbers, names = number_names(labels, name, names)
    return with_numbers(numbers, names), names


def _labels_in(data: Any, name: str) -> tuple[np.ndarray | None, Any]:
    """Returns the labels where they may be names, and what puts numbers in their place."""
    if isinstance(data, (tuple, list)) and len(data) == 2:
        labels = without_objects(to_numpy(data[1], name))
        return labels, lambda numbers, _: (data[0], numbers)
    reader = read_dataset(data, f"`{name}`")
    if reader is None or reader.endless or reader.size == 0:
        return None, None  # said by what reads it
    if not is_dataset(data):
        first = next(iter(reader.batches()))
        if not isinstance(first, tuple) or not _are_names(np.asarray(first[1])):
            return None, None
        data = dataset_of(data, name)
    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2 or getattr(spec[1], "dtype", 0) != "string":
        return None, None
    from kerasnorm.data import pipelines

    found = [np.atleast_1d(y) for y in data.map(lambda x, y: y).as_numpy_iterator()]
    labels = np.concatenate(found) if found else None
    return labels, lambda _, names: pipelines.with_numbers(data, names)


def _are_names(labels: np.ndarray) -> bool:
    kinds = str | bytes
    return labels.dtype.kind in "US" or (
        labels.dtype.kind == "O" and all(isinstance(each, kinds) for each in labels.flat)
    )
