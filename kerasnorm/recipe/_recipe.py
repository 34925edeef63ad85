"""Holds the choices of a training as one value."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from kerasnorm._choices import CHAPTERS, VERSION, read_recipe
from kerasnorm.recipe import _chapters
from kerasnorm.recipe._contradictions import check_together
from kerasnorm.recipe._settings import Settings


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Holds the normalization, transfer, treatment of unequal classes, and optimizer of a training.

    Use it to describe a training once, save it next to the model, compare it with another, and pass
    it to `fit`. It is immutable; `dataclasses.replace` makes a changed copy.

    Args:
        normalization: Name from `kerasnorm.normalization.names()` that replaces the normalization
            of the model. Defaults to None, which keeps it.
        transfer: "fine_tune" trains all layers from the given weights, "freeze" only those above
            the frozen ones, "scratch" all layers from new initial weights; "svm" fits a linear
            classifier on the layer that cross-validation finds best. None trains the trainable
            layers of the given model.
        imbalance: "class_weights" weights the loss, also for pixels; "resample" draws rare classes
            more often, label maps only with the strategy "repeat_factor"; None does neither.
        optimizer: "adam", "adamw", "sgd", "rmsprop", "nadam", "adagrad", "lion" or "lamb".
            Defaults to "adam".
        loss: "cross_entropy", "focal", "balanced_softmax", "logit_adjusted" or "seesaw"; see
            `kerasnorm.imbalance`. All but the first need a model that returns logits.
            Defaults to "cross_entropy".
        correction: Correction after training: "adjust_logits", or for classes of whole examples
            "tau_normalize" or "retrain_classifier"; None for none.
        schedule: "cosine" lets the learning rate decay to the fraction `alpha` in the last phase;
            None keeps it constant.
        normalization_settings: Arguments of the normalization layer, such as `groups`; and
            `weight_standardization`: True standardizes the kernels in front of the layers.
        transfer_settings: For "freeze" `until`, as in `kerasnorm.transfer.freeze`: an int, a
            fraction, a layer's name or a regex (all below the head by default). For "fine_tune"
            `until` (nothing by default); `batchnorm`: "inference" (the default), "affine_only" or
            "train"; `head_epochs`: how many of the first epochs train only the head, which is
            solved instead by default where it can be; `base_learning_rate`: that of all layers (a
            tenth of the optimizer's by default);
            `decay`, `blocks` and `gradual` as in `kerasnorm.transfer.fine_tune`. For "svm"
            `estimator`: "svm" or "logistic".
        imbalance_settings: For "class_weights" `scheme`, `beta`, `normalize` and `missing` as in
            `kerasnorm.imbalance.class_weights`; for "resample" `strategy`, `threshold`
            and `epochs`.
        optimizer_settings: Arguments of the Keras optimizer, such as `learning_rate`.
        loss_settings: For "focal" `gamma` and `alpha`, for "logit_adjusted" `tau`, for "seesaw"
            `p` and `q`.
        correction_settings: `tau`; for "retrain_classifier" `epochs` and `strategy`.
        schedule_settings: For "cosine" `warmup_epochs`, in which the rate rises from 0 (0 by
            default), and `alpha` (0).

    Raises:
        ValueError: For an unknown name, a setting that the chosen name does not have, a value that
            it does not accept, or two chapters that contradict each other.

    Example:

    >>> recipe = Recipe("group", "freeze", "resample", normalization_settings={"groups": 8})
    >>> print(recipe)  # doctest: +NORMALIZE_WHITESPACE
    normalization: group (groups=8); transfer: freeze; imbalance: resample; loss: cross_entropy;
    correction: none; optimizer: adam; schedule: none
    >>> Recipe.from_json(recipe.to_json()) == recipe
    True

    See also:
        `advise`, which recommends one; `fit`, which trains by it.
    """

    normalization: str | None = None
    transfer: str | None = "fine_tune"
    imbalance: str | None = None
    optimizer: str = "adam"
    loss: str = "cross_entropy"
    correction: str | None = None
    schedule: str | None = None
    normalization_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)
    transfer_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)
    imbalance_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)
    optimizer_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)
    loss_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)
    correction_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)
    schedule_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)

    def __post_init__(self) -> None:
        for chapter in CHAPTERS:
            settings = Settings(getattr(self, f"{chapter}_settings"))
            object.__setattr__(self, f"{chapter}_settings", settings)
            getattr(_chapters, f"check_{chapter}")(getattr(self, chapter), settings)
        check_together(self)

    def to_json(self) -> str:
        """Returns the recipe as JSON text, which `from_json` reads back equal."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        content = {key: _plain(value) for key, value in fields.items()}
        return json.dumps({"version": VERSION, **content}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Returns the recipe in JSON text; what it leaves out has its default.

        Raises:
            ValueError: If the text is no JSON object, is of another version, has unknown fields
                or makes no valid recipe.
        """
        return cls(**read_recipe(text))

    def __str__(self) -> str:
        return "; ".join(f"{chapter}: {self.describe(chapter)}" for chapter in CHAPTERS)

    def describe(self, chapter: str) -> str:
        """Returns a chapter as text, such as "group (groups=8)"."""
        settings = getattr(self, f"{chapter}_settings")
        inside = ", ".join(f"{key}={value}" for key, value in settings.items())
        nothing = "as is" if chapter in ("normalization", "transfer") else "none"
        name = getattr(self, chapter) or nothing
        return f"{name} ({inside})" if inside else name


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Settings) else value
