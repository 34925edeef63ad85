"""Checks that the inputs of a command exist and have the right type, by name."""

import importlib.util
import re
from collections.abc import Collection
from pathlib import Path

from kerasnorm._tables import is_table
from kerasnorm._types import StrPath
from kerasnorm._validation import as_number, did_you_mean, listed

IMAGES_FOLDER, MASKS_FOLDER, EDGES_FOLDER = "images", "masks", "edges"
# of a run
MODEL_FILE, RECIPE_FILE, NAMES_FILE = "model.keras", "recipe.json", "class_names.json"
SHARES = (0.1, 0.2)  # of the images, for validation and for the test, by default
RUN_FILES = frozenset(
    {
        *(MODEL_FILE, RECIPE_FILE, NAMES_FILE, "report.html"),
        *("history.json", "evaluation.json", "uncorrected.json", "reasons.json"),
        *("comparison.json", "trials.json"),
        *("about.json", "images.csv", "predictions.csv", "labels.txt"),
    }
)  # all that a run, or a command that makes one, writes to its folder
NO_FILES = ("imagenet", "none")  # weights that are no file


def shares_or_default(validation: float | None, test: float | None) -> tuple[float, float]:
    """Returns the shares of the images for validation and for the test; None: as by default."""
    first, second = SHARES
    return first if validation is None else validation, second if test is None else test


def check_images(path: StrPath) -> Path:
    """Returns the path of a folder or a CSV file; OSError if it is neither."""
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"There is no folder {str(path)!r}.")
    if not path.is_dir() and not is_table(path):
        raise NotADirectoryError(
            f"DATA should be a folder of images or a .csv file. Received: the file {str(path)!r}."
        )
    return path


def check_classes(path: Path, names: Collection[str]) -> None:
    """Refuses fewer than two classes."""
    if len(names) < 2:
        only = next(iter(names))
        raise ValueError(f"{str(path)!r} has one class only, {only!r}: two are needed.")


def check_shares(validation: float, test: float) -> tuple[float, float]:
    """Returns the shares of images to hold out; ValueError if none are left to train on."""
    validation = as_number("validation_split", validation, 0, 1, interval="()")
    test = as_number("test_split", test, 0, 1)
    if validation + test >= 1:
        raise ValueError(
            "`validation_split` and `test_split` should leave images to train on. Received: "
            f"{validation:g} and {test:g}."
        )
    return validation, test


def holds_scenes(path: StrPath) -> bool:
    """Returns whether a folder has sub-folders of images and of masks, or of pictures of edges."""
    return Path(path, IMAGES_FOLDER).is_dir() and Path(path, masks_folder_of(path)).is_dir()


def masks_folder_of(path: StrPath) -> str:
    """Returns the name of the sub-folder of masks, or of edges where there are no masks."""
    masks = Path(path, MASKS_FOLDER).is_dir() or not Path(path, EDGES_FOLDER).is_dir()
    return MASKS_FOLDER if masks else EDGES_FOLDER


def backbone_names() -> list[str]:
    """Returns the names of the models of keras.applications; Keras is read, not imported."""
    (folder,) = importlib.util.find_spec("keras").submodule_search_locations
    listing = Path(folder, "applications", "__init__.py").read_text(encoding="utf-8")
    return sorted(set(re.findall(r"\b([A-Z]\w+) as \1\b", listing)))


def check_backbone(name: str) -> None:
    """Refuses a name that keras.applications has no model of.

    Raises:
        ValueError: That lists the models.
    """
    if name not in (names := backbone_names()):
        near = did_you_mean(name, names)
        raise ValueError(f"There is no backbone {name!r}.{near} There are {listed(names)}.")


def weights_file(weights: str, backbone: str | None) -> Path | None:
    """Returns the file of the weights to start from; None for "imagenet" and "none".

    Raises:
        OSError: If there is no such file.
        ValueError: If its name does not end in .weights.h5 or .keras, or the small ConvNet is to
            have imagenet weights.
    """
    if weights == "imagenet" and backbone is None:
        raise ValueError("The small ConvNet has no imagenet weights: name a --backbone.")
    if weights in NO_FILES:
        return None
    path = Path(weights).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of weights {str(path)!r}.")
    if not path.name.endswith((".weights.h5", ".keras")):
        raise ValueError(f"Weights are in .weights.h5 or .keras files. Received: {path.name!r}.")
    return path


def map_model_file(weights: str) -> Path | None:
    """Returns the file of the model of label maps to start from; None for "none".

    Raises:
        OSError: If there is no such file.
        ValueError: If its name does not end in .keras.
    """
    if weights == "none":
        return None
    path = None if weights == "imagenet" else weights_file(weights, None)
    if path is None or path.suffix != ".keras":
        raise ValueError(
            "Images with masks need the .keras file of a model that gives label maps, or none: "
            f"then a small U-Net is trained. Received: {weights!r}."
        )
    return path


def check_run_or_model(path: StrPath) -> Path:
    """Returns the path of a run's folder, or of a .keras file; OSError if it is neither."""
    path = Path(path).expanduser()
    if path.is_file():
        if path.suffix != ".keras":
            raise ValueError(
                f"{str(path)!r} should be the folder of a run, or the .keras file of a model."
            )
        return path
    return check_run_folder(path)


def check_run_folder(folder: StrPath) -> Path:
    """Returns the path of a folder that `Run.save` wrote; OSError if it is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder of a run {str(folder)!r}.")
    for name in (RECIPE_FILE, MODEL_FILE):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{str(folder)!r} is no folder of a run: it has no {name!r}.")
    return folder
