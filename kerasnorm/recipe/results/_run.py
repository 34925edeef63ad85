"""What came out of `fit`."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from kerasnorm._existing import MODEL_FILE, RECIPE_FILE, check_run_folder
from kerasnorm._files import staged
from kerasnorm._types import StrPath
from kerasnorm.models import load_model, uncompiled
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.results._comparison import Comparison
from kerasnorm.recipe.results._evaluation import Evaluation, is_number
from kerasnorm.recipe.results._export import Export, export
from kerasnorm.recipe.results._map_evaluation import MapEvaluation


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A trained model, how its training went and how well it does.

    Attributes:
        model: The trained keras.Model, new; its output is as that of the model given.
        history: Figures by epoch: `loss`, `accuracy` and `balanced_accuracy` on the training
            examples, of label maps `loss`, `mean_iou` and `balanced_accuracy`; and on those of
            `validation` the same with `val_` before.
        evaluation: An `Evaluation` of the model on the examples held out, of label maps a
            `MapEvaluation`; or None without any.
        recipe: The `Recipe` that it was trained by.
        uncorrected: An `Evaluation` before the recipe's correction; without any the same one, or
            None.
        reasons: Reasons of the `Advice`, if there was one.

    Example:

    >>> import numpy as np, tempfile
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> evaluation = Evaluation(("cat", "dog"), np.array([90, 10]), np.array([[8, 2], [3, 1]]))
    >>> run = Run(model, {"loss": [0.7, 0.4]}, evaluation, Recipe())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run.save(folder)
    ...     Run.load(folder).evaluation.balanced_accuracy
    0.525

    See also:
        `fit`, which returns it; `Export`.
    """

    model: keras.Model
    history: dict[str, list[float]]
    evaluation: Evaluation | None
    recipe: Recipe
    uncorrected: Evaluation | None = None
    reasons: tuple[str, ...] = ()

    def save(self, folder: StrPath, include_optimizer: bool = False) -> None:
        """Writes model.keras, recipe.json and more .json files into `folder`, which is made.

        All or nothing: files of an older run there are replaced by these, and others stay. The
        model can be read with `keras.saving.load_model` after `import kerasnorm`, and all of it
        with `Run.load`.

        Args:
            folder: Where to write.
            include_optimizer: Whether the model is saved compiled, with the state of its optimizer,
                twice the size of the weights for Adam. Without it the model predicts and can be
                compiled again. Defaults to False.
        """
        with staged(folder, overwrite=True) as stage:
            self._write(stage, include_optimizer)

    def _write(self, folder: Path, include_optimizer: bool) -> None:
        with contextlib.nullcontext() if include_optimizer else uncompiled(self.model):
            self.model.save(folder / MODEL_FILE)
        (folder / RECIPE_FILE).write_text(self.recipe.to_json(), encoding="utf-8")
        contents = {"history.json": self.history, "reasons.json": self.reasons}
        if self.evaluation is not None:
            contents["evaluation.json"] = self.evaluation.to_dict()
        if self.uncorrected is not None and self.uncorrected is not self.evaluation:
            contents["uncorrected.json"] = self.uncorrected.to_dict()
        for name, content in contents.items():
            text = json.dumps(content, indent=2) + "\n"
            (folder / name).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: StrPath) -> "Run":
        """Returns the run that was saved into `folder`.

        Raises:
            OSError: If there is no such folder, or a file is missing.
            ValueError: If a file is damaged.
        """
        folder = check_run_folder(folder)
        with reading(folder / RECIPE_FILE) as path:
            recipe = Recipe.from_json(path.read_text(encoding="utf-8"))
        with reading(folder / "history.json") as path:
            history = _as_history(_read_json(path))
        with reading(folder / "reasons.json") as path:
            reasons = _as_reasons(_read_json(path))
        evaluations = []
        for name in ("evaluation.json", "uncorrected.json"):
            with reading(folder / name) as path:
                evaluations.append(_read_evaluation(_read_json(path)) if path.exists() else None)
        evaluation, uncorrected = evaluations
        model = load_model(folder / MODEL_FILE)
        return cls(model, history, evaluation, recipe, uncorrected or evaluation, reasons)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the outputs; numbers where none are known."""
        if self.evaluation is not None:
            return tuple(self.evaluation.class_names)
        return tuple(map(str, range(self.model.output_shape[-1])))

    def export(
        self,
        path: StrPath,
        format: str = "litert",
        quantize: str | None = None,
        verify: Any = None,
        *,
        overwrite: bool = False,
    ) -> Export:
        """Writes the model for a phone, a server or a browser, and runs what it wrote.

        The file takes raw images as `model` does, since preprocessing is a part of it, and holds
        the names of the classes. Batch normalization is folded into the convolutions first, where
        that is right (`kerasnorm.surgery.fold_batchnorm`).

        Args:
            path: File to write, ending in .tflite or .onnx, or folder of the SavedModel.
            format: "litert" (TensorFlow Lite; labels.txt in the archive at the end of the file),
                "onnx" (needs the extra `export`; `labels` in the metadata) or "saved_model"
                (assets.extra/labels.txt). Defaults to "litert".
            quantize: None; "int8": weights and activations of 8 bits, in the ranges that `verify`
                shows ("litert", "onnx"); "float16": weights of 16 bits ("litert").
            verify: Images (N, …) as the model takes them, to compare the outputs on and to
                calibrate int8 by; 100 are enough. None: nothing is compared.
            overwrite: Whether `path` may exist. Defaults to False.

        Returns:
            An `Export`: size, and on `verify` the largest difference, the share of equal classes
            and the time of an image; it prints as a table.

        Raises:
            ValueError: If the format cannot be quantized like that, images do not fit, the outputs
                of a file that is not quantized differ, or the backend is not TensorFlow. Nothing
                is written then.
            FileExistsError: If `path` exists and not `overwrite`.
            ImportError: If a package is missing.

        See also: `kerasnorm.surgery.fold_batchnorm`, `Run.report`.

        Reference:
            Jacob et al., 2018, Quantization and training of neural networks for efficient
            integer-arithmetic-only inference, https://arxiv.org/abs/1712.05877 (int8)
        """
        names = self.class_names
        return export(self.model, path, format, quantize, verify, names, overwrite)

    def report(self, path: StrPath, comparison: Comparison | None = None) -> None:
        """Writes one HTML page about the run, which needs no network.

        Use it to look at a run and to hand it on: curves, recall of each class by its frequency,
        confusion, recipe and what trained. Needs matplotlib.

        Args:
            path: The file to write.
            comparison: Other ways of training to show beside this one: `Trial`s by their name,
                as `kerasnorm.recipe.compare` returns them. Defaults to None.

        Raises:
            ImportError: If matplotlib is missing.
        """
        from kerasnorm.recipe.results._report import write_report

        write_report(path, self, comparison)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[Path]:
    """Yields a path, and says its name in the error if what is read there is damaged."""
    try:
        yield path
    except FileNotFoundError as error:
        raise FileNotFoundError(f"There is no file {str(path)!r}, which a run has.") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is damaged: {error}") from error


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _as_history(content: Any) -> dict[str, list[float]]:
    named = isinstance(content, dict) and all(isinstance(rows, list) for rows in content.values())
    if not named or not all(is_number(each) for rows in content.values() for each in rows):
        raise ValueError("it should have lists of numbers by name.")
    return content


def _as_reasons(content: Any) -> tuple[str, ...]:
    if not isinstance(content, list) or not all(isinstance(each, str) for each in content):
        raise ValueError("it should be a list of strings.")
    return tuple(content)


def _read_evaluation(content: Any) -> Evaluation:
    if not isinstance(content, dict):
        raise ValueError("it should be an object of figures.")
    kind = MapEvaluation if "mean_iou" in content else Evaluation
    return kind.from_dict(content)
