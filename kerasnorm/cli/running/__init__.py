"""Runs the commands; importing it imports Keras, TensorFlow and every chapter."""

from kerasnorm import _public  # registers every class that a file may name
from kerasnorm.cli.running._advise import run_advise
from kerasnorm.cli.running._export import run_export
from kerasnorm.cli.running._fit import run_fit
from kerasnorm.cli.running._migrate import run_migrate
from kerasnorm.cli.running._predict import run_predict
from kerasnorm.cli.running._surgery import run_inspect, run_replace
from kerasnorm.cli.running._tune import run_tune

RUN = {
    "advise": run_advise,
    "fit": run_fit,
    "tune": run_tune,
    "export": run_export,
    "predict": run_predict,
    "inspect": run_inspect,
    "replace": run_replace,
    "migrate": run_migrate,
}
