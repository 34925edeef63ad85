"""Refuses invalid labels, with one text for each reason, also in tf.data graphs."""

import numpy as np

# more classes than this are a mistake, and their counts would not fit the memory
_MAX_CLASSES = 2**24
_MARKS = (254, 255)  # what bytes of no class are set to

IGNORE_OR_CORRECT = (
    "If it marks what should be left out, pass `ignore_class={label}`; otherwise correct the "
    "labels, or count the classes again with a larger `num_classes`."
)
NOT_WHOLE = "{labels} should be whole numbers. Received: {label}."
NOT_ZERO_ONE = (
    "Labels of shape (N, K), and maps of shape (N, ..., K), are read as one-hot or multilabel "
    "and should hold 0 and 1 only. Received: {label}. If these are class numbers, one a "
    "position, pass integers as `y[..., None]`."
)
NO_CLASS = (
    "Row {label} of the one-hot or multilabel labels has no 1, so it has no class and no weight. "
    "Leave such rows out, or give them a class of their own."
)


def labels_of(name: str | None) -> str:
    """How a message about the labels of an argument begins."""
    return "Labels" if name is None else f"The labels of `{name}`"


def outside(
    label: int | str,
    num_classes: int | None,
    name: str | None = None,
    fix: str = IGNORE_OR_CORRECT,
) -> str:
    """The text for a label that is no class; `fix` says what to do about it."""
    of = "" if name is None else f" of `{name}`"
    classes = "0, 1, 2, ..." if num_classes is None else f"0 to {num_classes - 1}"
    return f"Label {label}{of} is outside the classes {classes}. {fix.format(label=label)}"


def check_range(
    labels: np.ndarray,
    num_classes: int | None,
    name: str | None = None,
    fix: str = IGNORE_OR_CORRECT,
) -> None:
    """Raises if an integer label is negative, or not below `num_classes`."""
    if not labels.size:
        return
    low, high = labels.min(), labels.max()
    if low < 0 or (num_classes is not None and high >= num_classes):
        raise ValueError(outside(int(low if low < 0 else high), num_classes, name, fix))


def check_not_huge(labels: np.ndarray) -> None:
    """Raises if the largest label would make too many classes to count."""
    if labels.size and labels.max() >= _MAX_CLASSES:
        raise ValueError(
            f"Label {labels.max()} would make as many classes. Encode such labels with "
            "`np.unique(y, return_inverse=True)`, or pass `num_classes`."
        )


def check_no_mark(present: np.ndarray, argument: str | None = "num_classes") -> None:
    """Raises if the largest of the labels that come up is 254 or 255 and seems to be a mark.

    `argument` is what says how many classes there are; None: nothing does.

    It does where the label below it, or most of those below it, never come up.
    """
    largest = int(present.max(initial=-1))
    if largest not in _MARKS:
        return
    alone = largest == _MARKS[-1] and largest - 1 not in present
    if alone or 2 * len(present) < largest:
        raise ValueError(
            outside(largest, None)
            + (f" If {largest} is a class, pass `{argument}={largest + 1}`." if argument else "")
            + " A mask of 0 and 255 should be divided by 255."
        )


def check_zero_one(labels: np.ndarray) -> None:
    """Raises if an entry of one-hot or multilabel labels is neither 0 nor 1."""
    wrong = labels[(labels != 0) & (labels != 1)]
    if wrong.size:
        raise ValueError(NOT_ZERO_ONE.format(label=wrong[0]))


def check_count(found: int, count: int | None, name: str | None = None) -> None:
    """Raises if there is not one label, row or map for each of that many examples."""
    if count is not None and found != count:
        raise ValueError(
            f"{labels_of(name)} do not fit: there should be a label for each of the {count} "
            f"examples. Received: {found} labels."
        )
