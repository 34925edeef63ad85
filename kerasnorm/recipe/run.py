"""What came out of `fit`."""

import dataclasses
import json
import os
from pathlib import Path

import keras

from kerasnorm.recipe.evaluation import Evaluation
from kerasnorm.recipe.recipe import Recipe


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A trained model, how its training went and how well it does.

    Attributes:
        model: the trained keras.Model, new; its output is as that of the model given.
        history: figures by epoch: `loss` and `accuracy` on the training examples, with
            `validation` also `val_loss`, `val_accuracy` and `val_balanced_accuracy`.
        evaluation: an `Evaluation` of the final weights on `validation`, or None without it.
        recipe: the `Recipe` that it was trained by.
    """

    model: keras.Model
    history: dict[str, list[float]]
    evaluation: Evaluation | None
    recipe: Recipe

    def save(self, folder: str | os.PathLike) -> None:
        """Writes model.keras, recipe.json, history.json and evaluation.json into `folder`."""
        folder = Path(folder)
        self.model.save(folder / "model.keras")
        (folder / "recipe.json").write_text(self.recipe.to_json(), encoding="utf-8")
        _write_json(folder / "history.json", self.history)
        if self.evaluation is not None:
            _write_json(folder / "evaluation.json", self.evaluation.to_dict())

    def report(self, path: str | os.PathLike, comparison: dict | None = None) -> None:
        """Writes one HTML page about the run, which needs no network.

        Use it to look at a run and to hand it on: curves, recall of each class by its frequency,
        confusion, recipe and what trained. Needs matplotlib.

        Args:
            path: the file to write.
            comparison: other ways of training to show beside this one: `Trial`s by their name,
                as `kerasnorm.recipe.compare` returns them.

        Raises:
            ValueError: if matplotlib is missing.
        """
        from kerasnorm.recipe.report import write_report

        write_report(path, self, comparison)


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
