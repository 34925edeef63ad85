"""What `fit` does where each pixel has a class."""

import dataclasses
import math
from typing import Any, ClassVar

import keras
import numpy as np

from kerasnorm.data import as_rows
from kerasnorm.imbalance import BalancedAccuracy, ClassCounts, ClassWeights, class_weights
from kerasnorm.models import is_graph
from kerasnorm.recipe._chapters import make_loss
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.examples._examples import Examples
from kerasnorm.recipe.results import Evaluation, MapEvaluation
from kerasnorm.transfer import check_gives_maps
from kerasnorm.transfer.fine_tuning import split_at_head

_FEATURES = 2**30  # bytes of features that are worth keeping: there are some for each pixel


@dataclasses.dataclass(frozen=True)
class LabelMaps:
    """The kind of task in which each example has a label map (H, W); see `ImageClasses`.

    Attributes:
        ignore_class: The label of pixels that have no class, such as 255; or None.
    """

    ignore_class: int | None = None
    evaluation: ClassVar[type[Evaluation]] = MapEvaluation

    def names(self, count: int) -> tuple[str, ...]:
        """Returns the numbers of the classes."""
        return tuple(map(str, range(count)))

    def units(self, classes: int) -> int:
        """Returns one map for each class."""
        return classes

    def classes_of(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """Returns which classes each of some label maps has, bool (N, K)."""
        return as_rows([self.found_in(label_map) for label_map in labels], classes)

    def found_in(self, label_map: np.ndarray) -> np.ndarray:
        """Returns the classes that a label map has."""
        found = np.unique(label_map)
        return found if self.ignore_class is None else found[found != self.ignore_class]

    def check(self, recipe: Recipe) -> None:
        """Refuses what needs one class an example.

        Raises:
            ValueError: That says what to choose instead.
        """
        strategy = recipe.imbalance_settings.get("strategy", "class_balanced")
        wrong = instead = None
        if recipe.transfer == "svm":
            wrong, instead = "transfer='svm'", "'fine_tune' or 'freeze'"
        elif recipe.imbalance == "resample" and strategy != "repeat_factor":
            wrong = f"imbalance='resample' with the strategy {strategy!r}"
            instead = "the strategy 'repeat_factor' with a `threshold`, or 'class_weights'"
        elif recipe.correction not in (None, "adjust_logits"):
            wrong, instead = f"correction={recipe.correction!r}", "'adjust_logits', or None"
        if wrong:
            raise ValueError(
                f"A label map has several classes, and {wrong} needs one class for each example. "
                f"Choose {instead}."
            )

    def with_head(self, model: keras.Model, classes: int) -> keras.Model:
        """Returns the model, which gives label maps."""
        check_gives_maps(model)
        return model

    def check_fit(self, name: str, examples: Examples, model: keras.Model) -> None:
        """Refuses label maps of another size than the model's.

        Raises:
            ValueError: That names both sizes.
        """
        if not is_graph(model):
            return  # its loss will say so
        x, labels, *_ = next(examples.batches())
        given, made = labels.shape[1:], tuple(model.compute_output_shape(x.shape)[1:3])
        if given != made:
            raise ValueError(
                f"The label maps of `{name}` are {given[0]}×{given[1]} and those of the model "
                f"{made[0]}×{made[1]}, of images {x.shape[1]}×{x.shape[2]}. Resize the label maps "
                "to the nearest pixel, or end the model with keras.layers.Resizing."
            )

    def keeps_features(self, model: keras.Model, examples: Examples) -> bool:
        """Returns whether the features of all examples have one shape and fit in memory."""
        split = split_at_head(model)
        if split is None or not examples.of_one_size:
            return False
        x, *_ = next(examples.batches())
        each = math.prod(split.base.compute_output_shape(x.shape)[1:])
        return 4 * each * examples.size <= _FEATURES

    def class_counts(self, examples: Examples, classes: int) -> Any:
        """Returns the pixels of each class, (K,)."""
        return examples.counts(classes)

    def class_weight(self, recipe: Recipe, counts: ClassCounts) -> ClassWeights | None:
        """Returns the weights of the classes of pixels."""
        if recipe.imbalance != "class_weights":
            return None
        return class_weights(counts, **recipe.imbalance_settings)

    def loss(
        self, recipe: Recipe, examples: Examples, classes: int, logits: bool
    ) -> keras.losses.Loss:
        """Returns the loss of the recipe, which leaves out the `ignore_class` of the counts."""
        name, settings = recipe.loss, recipe.loss_settings
        if name == "cross_entropy":  # Keras' own of probabilities has no gradient on torch
            name, settings = "focal", {"gamma": 0}
        return make_loss(name, settings, examples.counts(classes), logits)

    def metrics(self, classes: int, logits: bool, examples: Examples) -> list[Any]:
        """Returns what is measured in each epoch, of the pixels that count."""
        iou = keras.metrics.MeanIoU(
            classes, ignore_class=self.ignore_class, sparse_y_pred=False, name="mean_iou"
        )
        return [iou, BalancedAccuracy(classes, self.ignore_class)]
