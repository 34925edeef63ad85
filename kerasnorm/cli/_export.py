"""`kerasnorm export`."""

import argparse
from pathlib import Path
from typing import Any

from kerasnorm._existing import check_run_folder
from kerasnorm._validation import as_int
from kerasnorm.cli._command import add_command
from kerasnorm.cli._predict import find_images

_EXAMPLES = """examples:
  kerasnorm export run --to litert --verify photos/
  kerasnorm export run --to litert --quantize int8 --verify photos/ --out phone.tflite
  kerasnorm export run --to onnx
"""
_NAMES = {"litert": "model.tflite", "onnx": "model.onnx", "saved_model": "saved_model"}


def add_export(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    summary = "write the model of a run for a phone, a server or a browser"
    parser = add_command(commands, "export", _check, summary, _EXAMPLES)
    add = parser.add_argument
    add("run_folder", metavar="RUN", help="the folder that `kerasnorm fit` wrote")
    add("--to", required=True, choices=list(_NAMES), help="LiteRT (TensorFlow Lite), ONNX, …")
    add("--quantize", choices=["int8", "float16"], help="int8 needs --verify; float16: litert only")
    add("--verify", metavar="FOLDER", help="images for the comparison and for int8")
    add(
        "--images",
        type=int,
        default=100,
        metavar="N",
        help="largest number of --verify images (100)",
    )
    add("--image-size", type=int, metavar="PIXELS", help="for models that take any size")
    add("--out", metavar="PATH", help="file, or folder of a SavedModel (in RUN)")
    add("--overwrite", action="store_true", help="replace the file if it exists")


def out_path(arguments: argparse.Namespace) -> Path:
    """Returns what the command writes."""
    if arguments.out is not None:
        return Path(arguments.out).expanduser()
    return Path(arguments.run_folder, _NAMES[arguments.to])


def _check(arguments: argparse.Namespace) -> None:
    check_run_folder(arguments.run_folder)
    as_int("--images", arguments.images, low=1)
    if arguments.image_size is not None:
        as_int("--image-size", arguments.image_size, low=8)
    path = out_path(arguments)
    if path.exists() and not arguments.overwrite:
        raise FileExistsError(f"{str(path)!r} exists. Choose another --out, or --overwrite.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r} to write to.")
    if arguments.verify is not None:
        find_images([arguments.verify])
    elif arguments.quantize == "int8":
        raise ValueError("--quantize int8 needs images to find the ranges of values: --verify.")
