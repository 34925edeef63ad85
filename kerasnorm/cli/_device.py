"""Chooses what a command computes on, before a framework is imported."""

import argparse
import os
import re

_DEVICES = re.compile(r"auto|cpu|gpu(:\d+)?")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Adds the option that `check_device` and `choose_device` read."""
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="cpu, gpu, or one of several: gpu:0 (auto)"
    )


def check_device(arguments: argparse.Namespace) -> None:
    """Refuses a name that is none of a device."""
    if not _DEVICES.fullmatch(arguments.device):
        raise ValueError(
            f"`--device` should be auto, cpu, gpu or gpu:0, … Received: {arguments.device!r}."
        )


def choose_device(arguments: argparse.Namespace) -> None:
    """Hides the devices that are not to be used from TensorFlow, JAX and torch."""
    device = getattr(arguments, "device", "auto")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    elif device.startswith("gpu:"):
        os.environ["CUDA_VISIBLE_DEVICES"] = device.partition(":")[2]
