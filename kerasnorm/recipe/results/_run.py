"""What came out of `fit`."""

import contextlib
import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm._existing import MODEL_FILE, NAMES_FILE, RECIPE_FILE, check_run_folder
from kerasnorm._files import staged
from kerasnorm._strict_json import strict_json
from kerasnorm._types import StrPath
from kerasnorm.models import ends_in, gives_logits, load_model, uncompiled
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.results._binary_evaluation import BinaryEvaluation
from kerasnorm.recipe.results._calibration import probabilities
from kerasnorm.recipe.results._comparison import Comparison
from kerasnorm.recipe.results._contour_evaluation import ContourEvaluation
from kerasnorm.recipe.results._evaluation import Evaluation, is_number
from kerasnorm.recipe.results._export import Export, export
from kerasnorm.recipe.results._labels_evaluation import LabelsEvaluation
from kerasnorm.recipe.results._looked_at import HeldOut
from kerasnorm.recipe.results._map_evaluation import MapEvaluation
from kerasnorm.recipe.results._predictions import LabelPredictions, PixelCounts, Predictions

_KINDS: dict[str, type[Evaluation]] = {  # by a figure that only they have
    "mean_iou": MapEvaluation,
    "average_precision": BinaryEvaluation,
    "macro_average_precision": LabelsEvaluation,
    "ods": ContourEvaluation,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A trained model, how its training went and how well it does.

    Attributes:
        model: The trained keras.Model, new; its output is as that of the model given.
        history: Figures by epoch: `loss`, `accuracy` and `balanced_accuracy` on the training
            examples, of one output for two classes `average_precision` too, of several labels
            `loss`, `average_precision` and `accuracy`, of label maps `loss`, `mean_iou` and
            `balanced_accuracy`, of contours `loss`, `ods` and `ois`; and on those of `validation`
            the same with `val_` before.
        evaluation: An `Evaluation` of the model on the examples held out, of its kind:
            `BinaryEvaluation`, `LabelsEvaluation`, `MapEvaluation` or `ContourEvaluation`; or None
            without any.
        recipe: The `Recipe` that it was trained by.
        uncorrected: An `Evaluation` before the recipe's correction; without any the same one, or
            None.
        reasons: Those of the `Advice` that it was trained by, or none.
        names: Those of the classes, for a run without an evaluation; () where none are known.
        predictions: The labels and the probabilities of each example held out, in their order; of
            label maps the confusion matrix of each. None in a run that was loaded, without
            examples held out, and where they are too many to keep.

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
    names: tuple[str, ...] = ()
    predictions: Predictions | LabelPredictions | PixelCounts | None = None

    def save(self, folder: StrPath, include_optimizer: bool = False) -> None:
        """Writes model.keras, recipe.json and more .json files into `folder`, which is made.

        All or nothing: files of an older run there are replaced by these, and others stay. In the
        history null stands for numbers that are not finite, which `Run.load` reads as NaN. The
        model can be read with `keras.saving.load_model` after `import kerasnorm`, and all of it
        with `Run.load`.

        Args:
            folder: Where to write.
            include_optimizer: Whether the model is saved compiled, with the state of its optimizer,
                twice the size of the weights for Adam. Without it the model predicts and can be
                compiled anew. Defaults to False.

        Raises:
            FileExistsError: If there is a file, or a folder that is not to be replaced: one with
                files and none of a run, the working directory, home, or one above these.
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
        elif self.names:
            contents[NAMES_FILE] = self.names
        if self.uncorrected is not None and self.uncorrected is not self.evaluation:
            contents["uncorrected.json"] = self.uncorrected.to_dict()
        for name, content in contents.items():
            text = strict_json(content, indent=2) + "\n"
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
            reasons = _as_strings(_read_json(path))
        with reading(folder / NAMES_FILE) as path:
            names = _as_strings(_read_json(path)) if path.exists() else ()
        evaluations = []
        for name in ("evaluation.json", "uncorrected.json"):
            with reading(folder / name) as path:
                evaluations.append(_read_evaluation(_read_json(path)) if path.exists() else None)
        evaluation, uncorrected = evaluations
        model = load_model(folder / MODEL_FILE)
        return cls(model, history, evaluation, recipe, uncorrected or evaluation, reasons, names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the outputs; numbers where none are known.

        Of one output for two classes they are two, the second of which the output tells.
        """
        if self.evaluation is not None:
            return tuple(self.evaluation.class_names)
        if self.names:
            return self.names
        count = self.model.output_shape[-1]
        two = count == 1 and len(self.model.output_shape) == 2
        return tuple(map(str, range(2 if two else count)))

    @property
    def several_labels(self) -> bool:
        """Whether an example may have several of the classes."""
        if self.evaluation is not None:
            return isinstance(self.evaluation, LabelsEvaluation)
        return ends_in(self.model, "sigmoid") and self.model.output_shape[-1] > 1

    def probabilities_of(self, outputs: np.ndarray) -> np.ndarray:
        """Returns what the model gives as probabilities, one for each of `class_names`.

        Args:
            outputs: (N, K), or of label maps (N, H, W, K), as `model.predict` returns them; of one
                output for two classes (N, 1), and of contours (N, H, W, 1).

        Returns:
            float64 of the same shape; of two classes (N, 2). Those of classes sum to 1, those of
            several labels and of contours do not.
        """
        logits, one = gives_logits(self.model), outputs.shape[-1] == 1
        if not self.several_labels and not one:
            return probabilities(outputs, logits)
        found = outputs.astype(np.float64)
        each = 0.5 + 0.5 * np.tanh(0.5 * found) if logits else found
        two = one and outputs.ndim == 2
        return np.concatenate([1 - each, each], axis=-1) if two else each

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

    def report(
        self,
        path: StrPath,
        comparison: Comparison | None = None,
        *,
        held_out: Any = None,
        files: Sequence[str] | None = None,
        about: Mapping[str, str] | None = None,
    ) -> None:
        """Writes one HTML page about the run, which needs no network.

        Use it to look at a run and to hand it on: the score and how uncertain it is, the worst
        classes and what they are taken for, the surest mistakes and what the model looked at there
        (Grad-CAM), curves, calibration, recipe and what trained. Needs matplotlib.

        Args:
            path: The file to write.
            comparison: Other ways of training to show beside this one: `Trial`s by their name,
                as `kerasnorm.problems.compare` returns them. Defaults to None.
            held_out: The examples that the run was evaluated on, to show some: (x, y) arrays in
                the same order, or a function that returns (x, y) of the rows (M,) that it is given.
                None: no pictures of examples.
            files: The names of the held-out examples, such as paths, for the captions.
                Defaults to None.
            about: What else to say of how the run came about, such as the command.
                Defaults to None.

        Raises:
            ImportError: If matplotlib is missing.
            ValueError: If there are not as many examples held out as were evaluated.
        """
        from kerasnorm.recipe.results._report import write_report

        of_rows = None if held_out is None else self._of_rows(held_out)
        write_report(path, self, comparison, of_rows, files, about)

    def _of_rows(self, held_out: Any) -> HeldOut:
        if callable(held_out):
            return held_out
        x, y = held_out
        found = self.predictions
        if found is not None and len(x) != found.size:
            raise ValueError(
                f"`held_out` should be the {found.size} examples that the run was evaluated on. "
                f"Received: {len(x)}."
            )
        return lambda rows: (x[rows], y[rows])


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
    values = [each for rows in content.values() for each in rows] if named else []
    if not named or not all(each is None or is_number(each) for each in values):
        raise ValueError("it should have lists of numbers by name.")
    return {
        name: [math.nan if each is None else each for each in rows]
        for name, rows in content.items()
    }


def _as_strings(content: Any) -> tuple[str, ...]:
    if not isinstance(content, list) or not all(isinstance(each, str) for each in content):
        raise ValueError("it should be a list of strings.")
    return tuple(content)


def _read_evaluation(content: Any) -> Evaluation:
    if not isinstance(content, dict):
        raise ValueError("it should be an object of figures.")
    kind = next((kind for figure, kind in _KINDS.items() if figure in content), Evaluation)
    return kind.from_dict(content)
