"""Recommends a way to transfer, from two numbers."""

from typing import Any, NamedTuple

from kerasnorm._validation import as_number

_SETTINGS: dict[str, dict[str, Any]] = {
    "freeze": {"frozen": 1.0, "learning_rate": 1e-3},
    "fine_tune": {"frozen": 0.0, "learning_rate": 1e-4},
    "svm": {"estimator": "svm"},
    "scratch": {"frozen": 0.0, "learning_rate": 1e-3},
}
_WAYS = {
    "freeze": "keep the base as it is and train a new head on its features",
    "fine_tune": "train a new head, then the base too at a tenth of the rate",
    "svm": "put a linear classifier on the features of a lower layer, which `probe_layers` finds",
    "scratch": "train all layers from the start, or from the source's weights if that is no worse",
}


class Strategy(NamedTuple):
    """Recommended way to transfer.

    Attributes:
        name: "freeze", "fine_tune", "svm" or "scratch".
        reason: The numbers that led to it, and what to do, in one sentence.
        settings: `frozen`, the share of the base's layers to freeze, as for `freeze`, and
            `learning_rate`, a first one for Adam; for "svm", `estimator`, as for `probe_layers`.

    Example:

    >>> rule_of_thumb(examples_per_class=30, similarity=0.9).settings
    {'frozen': 1.0, 'learning_rate': 0.001}

    See also:
        `rule_of_thumb`, which returns it; `fine_tune`, which takes it.
    """

    name: str
    reason: str
    settings: dict[str, Any]


def rule_of_thumb(
    examples_per_class: float, similarity: float, many: float = 200, similar: float = 0.5
) -> Strategy:
    """Returns the textbook recommendation for a number of examples and a similarity.

    It is a first guess before anything was tried; `probe_layers` and the scores of
    `kerasnorm.transfer.transferability` measure. The four cases:

    | examples | similar: high | similar: low |
    |---|---|---|
    | few | freeze | svm |
    | many | fine_tune | scratch |

    Args:
        examples_per_class: Average number of labelled examples per class, 0 or more.
        similarity: Similarity of images and classes to those of the source, from 0 (X-rays and
            ImageNet) to 1 (the same).
        many: Number of examples per class from which on they count as many. Defaults to 200.
        similar: Similarity from which on it counts as high. Defaults to 0.5.

    Returns:
        A `Strategy`.

    Raises:
        ValueError: If a number is out of range.

    Example:

    >>> strategy = rule_of_thumb(examples_per_class=30, similarity=0.9)
    >>> strategy.name, strategy.settings["frozen"]
    ('freeze', 1.0)
    >>> rule_of_thumb(30, 0.9, many=20).name
    'fine_tune'

    See also:
        `fine_tune`, which takes the result; `kerasnorm.recipe.advise`, which measures the
        similarity.

    Reference:
        Yosinski et al., 2014, How transferable are features in deep neural networks?,
        https://arxiv.org/abs/1411.1792
    """
    examples = as_number("examples_per_class", examples_per_class, 0)
    similarity = as_number("similarity", similarity, 0, 1, interval="[]")
    many = as_number("many", many, 0)
    similar = as_number("similar", similar, 0, 1, interval="[]")
    enough, near = examples >= many, similarity >= similar
    name = {
        (False, True): "freeze",
        (True, True): "fine_tune",
        (False, False): "svm",
        (True, False): "scratch",
    }[enough, near]
    reason = (
        f"{examples:g} examples per class are {'many' if enough else 'few'} (many: from {many:g} "
        f"on), and a similarity of {similarity:g} is {'high' if near else 'low'} (high: from "
        f"{similar:g} on): {_WAYS[name]}."
    )
    return Strategy(name, reason, dict(_SETTINGS[name]))
