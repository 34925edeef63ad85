"""What `kerasnorm fit digits` trains: from digits 0–4 to a long tail of 5–9."""

from collections.abc import Sequence

import keras

from kerasnorm.problems._backbone import small_convnet_for
from kerasnorm.problems._compare import SOLVED, plain_fine_tuning
from kerasnorm.problems._digits import COUNTS, SIZE, Digits, Split, load_digits
from kerasnorm.recipe import Recipe, fit

SOURCE_EPOCHS = 8
EPOCHS = 12
RATE = 3e-3


def plain_ways() -> dict[str, Recipe]:
    """Returns the recipes beside which is what `advise` says."""
    settings = {"learning_rate": RATE}
    return {
        "plain, from scratch": Recipe(transfer="scratch", optimizer_settings=settings),
        "plain fine-tuning": plain_fine_tuning(RATE, optimizer_settings=settings),
        SOLVED: Recipe(transfer="freeze"),
    }


class DigitsProblem:
    """The target's data by seed, and small ConvNets pre-trained on the source."""

    classes: Sequence[str] = ("5", "6", "7", "8", "9")
    pretrained = True
    reads = f"{SIZE}×{SIZE} grey, pixels 0 to 255, into a small ConvNet"

    def __init__(self) -> None:
        self._digits: dict[int, Digits] = {}
        self._models: dict[tuple, keras.Model] = {}

    def described(self, seed: int) -> str:
        """Returns what was made: classes, counts, parts."""
        parts = {"train": self._load(seed).train, "validation": self._load(seed).validation}
        parts["test"] = self._load(seed).test
        counts = ", ".join(f"{name} {len(y)}" for name, (_, y) in parts.items())
        tail = ", ".join(map(str, COUNTS))
        return f"scikit-learn's digits 5 to 9, {tail} of them to train on; {counts}"

    def doubts(self) -> list[str]:
        """Returns what seems to be wrong: nothing is."""
        return []

    def data(self, seed: int) -> tuple[Split, Split, Split]:
        """Returns the long-tailed training images, and balanced ones for validation and test."""
        digits = self._load(seed)
        return digits.train, digits.validation, digits.test

    def model(
        self, recipe: Recipe, seed: int, callbacks: Sequence[keras.callbacks.Callback] = ()
    ) -> keras.Model:
        """Returns a ConvNet with the recipe's normalization, trained on the digits 0–4."""
        key = (seed, recipe.normalization or "batch", recipe.normalization_settings)
        if key not in self._models:
            keras.utils.set_random_seed(seed)
            model = small_convnet_for(recipe, (SIZE, SIZE, 1), classes=5)
            source = Recipe(transfer=None, optimizer_settings={"learning_rate": RATE})
            run = fit(
                source,
                model,
                self._load(seed).source,
                epochs=SOURCE_EPOCHS,
                batch_size=64,
                verbose=0,
                callbacks=callbacks,
            )
            self._models[key] = run.model
        return self._models[key]

    def _load(self, seed: int) -> Digits:
        if seed not in self._digits:
            self._digits[seed] = load_digits(seed)
        return self._digits[seed]
