"""Recommends a recipe from measurements of the model and the data."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm._choices import RULES
from kerasnorm._validation import as_int, as_number, check_choice
from kerasnorm.data import check_no_mark
from kerasnorm.data.splitting import read_paths
from kerasnorm.models import find_head, is_graph
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.advising import _reasons
from kerasnorm.recipe.advising._advice import Advice
from kerasnorm.recipe.advising._by_kind import chooser_for
from kerasnorm.recipe.examples import Outputs, read_examples
from kerasnorm.transfer import is_backbone, rule_of_thumb
from kerasnorm.transfer.fine_tuning import BASE_SHARE


def advise(
    model: keras.Model | Sequence[keras.Model],
    data: Any,
    replicas: int = 1,
    batch_size: int = 32,
    similarity: float | None = None,
    *,
    epochs: int = 10,
    learning_rate: float = 1e-3,
    base_share: float = BASE_SHARE,
    pretrained: bool = True,
    rule: str = "measured",
    many: float = 200,
    similar: float = 0.5,
    small_batch: float = 4,
    imbalanced: float = 3,
    seed: int = 0,
    ignore_class: int | None = None,
) -> Advice:
    """Recommends a recipe from measurements of the model and the examples.

    Use it before training: it measures how well the model's features separate the classes, the time
    of a training, and whether more images would help. The defaults come from experiments in this
    project, which the reasons name; all are arguments, since your data differ.

    Args:
        model: Built keras.Model that ends in a Dense layer, or a backbone; for label maps one that
            ends in a convolution. Of several, a list, the one whose features tell the classes apart
            best, measured on the same examples.
        data: The training examples, as in `fit`; of a path those that `fit` would train on.
        replicas: Devices that share each batch. Defaults to 1.
        batch_size: Examples per step, on all replicas together. Defaults to 32.
        similarity: Likeness of images and classes to the source's, 0 to 1, as in
            `rule_of_thumb`. None: measured on a sample, of pixels for label maps and contours, by
            how much of each class a linear classifier on the model's features recognizes beyond
            chance; of several labels, of the presence and the absence of each.
        epochs: Epochs that `fit` will train for. Defaults to 10.
        learning_rate: Learning rate of a head that is trained, and of a model from scratch.
            Defaults to 0.001.
        base_share: The share of it at which all layers train after the head.
        pretrained: Whether the model's weights have learnt anything; False leaves but "scratch".
            Defaults to True.
        rule: "measured": fine-tune after the head. "lecture": the four corners of
            `rule_of_thumb`; not for label maps. Defaults to "measured".
        many, similar: As in `rule_of_thumb`; examples are counted of the median class, label maps
            that have it.
        small_batch: Up to so many examples per replica, batch normalization is replaced in a model
            without pretrained weights; one that has learnt something keeps it, at inference.
            Defaults to 4.
        imbalanced: From this ratio of the largest class to the smallest on, the loss makes up.
            Defaults to 3.
        seed: Seed of the sample, and of what is held out of a path. Defaults to 0.
        ignore_class: The label of pixels that have no class, as in `fit`. Defaults to None.

    Returns:
        `Advice(recipe, reasons)`; `print` shows both. Its `model` is the given one that it is for.

    Raises:
        ValueError: If an argument is out of range, the data and a model do not fit, or there are
            several models and nothing to measure: `similarity` is given, or none is pretrained.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> x, y = np.zeros((100, 4)), np.repeat([0, 1, 2], [80, 15, 5])
    >>> advice = advise(model, (x, y), similarity=0.8)
    >>> advice.recipe.transfer, advice.recipe.loss
    ('fine_tune', 'balanced_softmax')
    >>> print(advice.reasons[-1])
    Imbalance: the largest class has 80 examples and the smallest 5, a ratio of 16 ...

    See also:
        `fit`, which takes the result; `Recipe`; `kerasnorm.transfer.rule_of_thumb`.
    """
    replicas = as_int("replicas", replicas, low=1)
    batch_size = as_int("batch_size", batch_size, low=1)
    check_choice("rule", rule, RULES)
    given = _models(model, similarity, pretrained)
    rank = len(given[0].input_shape) if is_graph(given[0]) else None
    shape, outputs = given[0].input_shape if is_graph(given[0]) else None, Outputs.of(given[0])
    data, *_ = read_paths(shape, data, name="data", seed=seed, ignore_class=ignore_class)
    examples = read_examples("data", data, rank, batch_size, ignore_class, outputs=outputs)
    kind, having = examples.kind, examples.having
    if not hasattr(examples.data, "class_names"):
        check_no_mark(np.flatnonzero(having), None)
    chooser = chooser_for(kind)
    models = [kind.with_head(each, len(having)) for each in given]
    for each in models:
        kind.check_fit("data", examples, each)
    epochs = as_int("epochs", epochs, low=1)
    rate = as_number("learning_rate", learning_rate, 0, interval="()")
    base_share = as_number("base_share", base_share, 0, 1, interval="(]")
    small_batch = as_number("small_batch", small_batch, 0)
    imbalanced = as_number("imbalanced", imbalanced, 1)
    best, reasons = 0, []
    # the largest say nothing of the others
    per_class = float(np.quantile(having[having > 0], 0.5, method="lower"))
    if pretrained:
        if similarity is None:
            seed = as_int("seed", seed, low=0)
            measured = [chooser.similarity(each, examples, seed, epochs) for each in models]
            best, reasons = _reasons.backbone(models, [found for found, _ in measured])
            similarity, said = measured[best]
            reasons += said
        thumb = rule_of_thumb(per_class, similarity, many, similar)
        fields, reason = chooser.transfer(thumb, rule, rate, base_share)
    else:
        fields, reason = _reasons.from_scratch(per_class, rate)
    reasons.append(reason)
    base_trains = fields["transfer"] not in ("freeze", "svm")
    for chosen, reason in (
        _reasons.normalization(
            models[best], pretrained, base_trains, batch_size, replicas, small_batch
        ),
        chooser.imbalance(models[best], fields["transfer"] != "svm", examples, imbalanced),
    ):
        fields |= chosen
        reasons.append(reason)
    advice = Advice(Recipe(**fields), reasons)
    advice.model = given[best]
    return advice


def _models(
    model: keras.Model | Sequence[keras.Model], similarity: float | None, pretrained: bool
) -> list[keras.Model]:
    """Returns the models, each with a head or a backbone."""
    given = list(model) if isinstance(model, list | tuple) else [model]
    if not given:
        raise ValueError("`model` should be a model or several. Received: an empty list.")
    if len(given) > 1 and (similarity is not None or not pretrained):
        raise ValueError(
            f"Of {len(given)} models `advise` measures which is best for `data`, by what it has "
            f"learnt. Received: similarity={similarity}, pretrained={pretrained}. Leave both out, "
            "or pass one model."
        )
    for each in given:
        if not isinstance(each, keras.Model):
            raise ValueError(
                "`model` should be a keras.Model, or a list of them; `kerasnorm.recipe.classifier` "
                f"makes one of a name or a file. Received: {each!r}"
            )
        if not is_backbone(each):
            find_head(each)
    return given
