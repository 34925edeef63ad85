"""Holds the choices of a training as one value."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from kerasnorm._choices import CHAPTERS, VALUES, VERSION, read_recipe
from kerasnorm.recipe import _chapters
from kerasnorm.recipe._contradictions import check_together
from kerasnorm.recipe._settings import Settings

_NOTHING = {"normalization": "as is", "transfer": "as is", "image_size": "as is"}


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
            `kerasnorm.imbalance`. All but the first want a model that gives logits.
            Defaults to "cross_entropy".
        correction: After training: "adjust_logits", or for classes of whole examples
            "tau_normalize" or "retrain_classifier"; by the validation examples "tune_thresholds",
            of one output for two classes or of several labels, or "scale_temperature"; None for
            none.
        schedule: "cosine" lets the learning rate fall to `alpha` of it, in the last phase; None
            keeps it.
        augmentation: Random changes of training images, by Keras' own layers: "flip" mirrors
            them, "light" shifts them too, "strong" turns and zooms them as well; None leaves them.
            Not for label maps.
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
        augmentation_settings: `mode`: "horizontal" (the default), "vertical",
            "horizontal_and_vertical", or but for "flip" None; `shift` (0.1) and `zoom` (0.2) as
            shares of the image, `rotation` (0.05) as a share of a full turn.
        patience: An int ≥ 1: a phase of the training stops after so many epochs in which the
            validation metric has not been better than before; None trains all epochs.
        image_size: An int ≥ 8, height and width that images of files are read at, and that the
            model is adapted to; None leaves both as they are given.
        mixed_precision: "float16" or "bfloat16": what all layers below the head compute in while
            they train, with weights and the trained model in float32; None leaves the model's
            policies.

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
    augmentation: str | None = None
    augmentation_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)
    patience: int | None = None
    image_size: int | None = None
    mixed_precision: str | None = None

    def __post_init__(self) -> None:
        for chapter in CHAPTERS:
            settings = Settings(getattr(self, f"{chapter}_settings"))
            object.__setattr__(self, f"{chapter}_settings", settings)
            getattr(_chapters, f"check_{chapter}")(getattr(self, chapter), settings)
        for name in VALUES:
            object.__setattr__(self, name, _chapters.check_value(name, getattr(self, name)))
        check_together(self)

    def to_json(self) -> str:
        """Returns the recipe as JSON text, which `from_json` reads back equal."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        content = {key: _plain(value) for key, value in fields.items()}
        return json.dumps({"version": VERSION, **content}, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Returns the recipe in JSON text; what it leaves out has its default.

        Raises:
            ValueError: If the text is no JSON object, is of another version, has unknown fields
                or makes no valid recipe.
        """
        return cls(**read_recipe(text))

    def __str__(self) -> str:
        given = [name for name in ("augmentation", *VALUES) if getattr(self, name) is not None]
        usual = [chapter for chapter in CHAPTERS if chapter != "augmentation"]
        return "; ".join(f"{name}: {self.describe(name)}" for name in [*usual, *given])

    def describe(self, chapter: str) -> str:
        """Returns what the recipe says in a chapter, such as "group (groups=8)"."""
        if chapter in VALUES:
            value = getattr(self, chapter)
            return _NOTHING.get(chapter, "none") if value is None else str(value)
        settings = getattr(self, f"{chapter}_settings")
        inside = ", ".join(f"{key}={value}" for key, value in settings.items())
        name = getattr(self, chapter) or _NOTHING.get(chapter, "none")
        return f"{name} ({inside})" if inside else name


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Settings) else value
