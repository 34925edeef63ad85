"""The choices that make up one way of training, as a value."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from kerasnorm._validation import listed
from kerasnorm.recipe import chapters
from kerasnorm.recipe.settings import Settings

VERSION = 1


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Which normalization, how to transfer, what to do about imbalance, and the optimizer.

    Use it to name a way of training once, keep it in a file beside the model, compare it with
    another, and hand it to `fit`. It never changes; `dataclasses.replace` makes a changed copy.

    Args:
        normalization: the kind that the model's normalization layers get, a name of
            `kerasnorm.normalization.names()`; None for whatever the model has.
        transfer: "fine_tune" trains all layers from the weights given, "freeze" only what lies
            above the frozen ones, "scratch" all layers from new initial weights. None trains what
            is trainable in the model as it is given.
        imbalance: "class_weights" weighs the loss, "resample" draws rare classes more often; None
            does neither.
        optimizer: "adam", "adamw", "sgd", "rmsprop", "nadam", "adagrad", "lion" or "lamb".
        normalization_settings: arguments of the normalization layer, such as `groups`.
        transfer_settings: `until`, for `kerasnorm.transfer.freeze`: an int, a fraction, a layer's
            name or a regex ("freeze": all below the head by default; "fine_tune": nothing);
            `batchnorm`: "train", "affine_only" or "inference", said of the frozen layers in
            "freeze" ("inference" by default) and of those that train in "fine_tune" ("train");
            for "fine_tune" `head_epochs`: how many of the first epochs train only the head (0).
        imbalance_settings: for "class_weights" `scheme`, `beta`, `normalize` and `missing` as in
            `kerasnorm.imbalance.class_weights`; for "resample" `strategy`, `threshold`
            and `epochs`.
        optimizer_settings: arguments of the Keras optimizer, such as `learning_rate`.

    Raises:
        ValueError: for an unknown name, a setting that the chosen name does not have, or a value
            that it does not accept.

    Example:

    >>> recipe = Recipe("group", "freeze", "resample", normalization_settings={"groups": 8})
    >>> print(recipe)
    normalization: group (groups=8); transfer: freeze; imbalance: resample; optimizer: adam
    >>> Recipe.from_json(recipe.to_json()) == recipe
    True
    """

    normalization: str | None = None
    transfer: str | None = "fine_tune"
    imbalance: str | None = None
    optimizer: str = "adam"
    normalization_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)
    transfer_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)
    imbalance_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)
    optimizer_settings: Mapping[str, Any] = dataclasses.field(default_factory=Settings)

    def __post_init__(self) -> None:
        for chapter in CHAPTERS:
            settings = Settings(getattr(self, f"{chapter}_settings"))
            object.__setattr__(self, f"{chapter}_settings", settings)
            getattr(chapters, f"check_{chapter}")(getattr(self, chapter), settings)

    def to_json(self) -> str:
        """Returns the recipe as JSON text, which `from_json` reads back equal."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        content = {key: _plain(value) for key, value in fields.items()}
        return json.dumps({"version": VERSION, **content}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Returns the recipe in JSON text; what it leaves out has its default.

        Raises:
            ValueError: if the text is no JSON object, is of another version, has unknown fields
                or makes no valid recipe.
        """
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"A recipe should be JSON, and this is not: {error}.") from error
        if not isinstance(content, dict) or "version" not in content:
            raise ValueError("A recipe should be a JSON object with a `version`.")
        version = content.pop("version")
        if version != VERSION:
            raise ValueError(
                f"This version of kerasnorm reads recipes of version {VERSION}. "
                f"Received: version={version!r}."
            )
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = [key for key in content if key not in known]
        if unknown:
            raise ValueError(f"A recipe has {listed(known)}. Received: {listed(unknown)}.")
        return cls(**content)

    def __str__(self) -> str:
        return "; ".join(f"{chapter}: {self.describe(chapter)}" for chapter in CHAPTERS)

    def describe(self, chapter: str) -> str:
        """Returns what the recipe says in a chapter, such as "group (groups=8)"."""
        settings = getattr(self, f"{chapter}_settings")
        inside = ", ".join(f"{key}={value}" for key, value in settings.items())
        name = getattr(self, chapter) or "as is"
        return f"{name} ({inside})" if inside else name


def fine_tuning(epochs: int, learning_rate: float) -> Recipe:
    """Returns what to begin with where there are weights of a similar task and rare classes.

    The head learns first, for a quarter of the epochs; then all layers do, the statistics of
    batch normalization apart, which stay the source's; rare classes are drawn as often as others.

    >>> print(fine_tuning(epochs=20, learning_rate=1e-3).describe("transfer"))
    fine_tune (head_epochs=5, batchnorm=affine_only)
    """
    return Recipe(
        transfer="fine_tune",
        imbalance="resample",
        transfer_settings={"head_epochs": epochs // 4, "batchnorm": "affine_only"},
        optimizer_settings={"learning_rate": learning_rate},
    )


CHAPTERS = ("normalization", "transfer", "imbalance", "optimizer")


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Settings) else value
