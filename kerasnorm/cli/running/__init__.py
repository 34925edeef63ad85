"""Runs the commands; importing it imports Keras, TensorFlow and every chapter."""

import argparse

from kerasnorm import _public  # registers every class that a file may name
from kerasnorm.cli.running._advise import run_advise
from kerasnorm.cli.running._evaluate import run_evaluate
from kerasnorm.cli.running._export import run_export
from kerasnorm.cli.running._fit import run_fit
from kerasnorm.cli.running._job import check_device_found
from kerasnorm.cli.running._migrate import run_migrate
from kerasnorm.cli.running._predict import run_predict
from kerasnorm.cli.running._surgery import run_inspect, run_replace
from kerasnorm.cli.running._tune import run_tune

RUN = {
    "advise": run_advise,
    "fit": run_fit,
    "tune": run_tune,
    "evaluate": run_evaluate,
    "export": run_export,
    "predict": run_predict,
    "inspect": run_inspect,
    "replace": run_replace,
    "migrate": run_migrate,
}


def run(arguments: argparse.Namespace) -> None:
    """Runs the command that the arguments name."""
    check_device_found(arguments)
    RUN[arguments.command](arguments)
