"""The command answers what is wrong before it imports Keras, and says nothing else."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import kerasnorm
from kerasnorm.cli.running import RUN

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="no backend is there yet"
)
# a script named kerasnorm, as pip installs it, which runs several commands and says what each did
SCRIPT = """
import contextlib, io, json, os, sys
from kerasnorm.cli import main

def answer(command):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(command.split())
        except SystemExit as left:
            code = left.code
    return code, out.getvalue(), err.getvalue(), {"keras", "tensorflow"} & {*sys.modules}

print([answer(command) for command in json.loads(sys.stdin.read())])
"""
# what is refused, and a part of what is said
REFUSED = {
    "": "COMMAND",
    "fot": "Did you mean 'fit'?",
    "fit photos": "--out",
    "fit photos --out new --nonsense": "`fit` has no '--nonsense'.",
    "fit photos --out new --lerning-rate 0.1": "Did you mean '--learning-rate'?",
    "fit photos --out new --augmentation lihgt": "Did you mean 'light'?",
    "fit photos --out new --mixed-precision float8": "Did you mean 'float16'?",
    "fit photos --out new --learning-rate 0": "`--learning-rate`",
    "fit photos --out new --patience 0": "`--patience`",
    "fit photos --out new --device tpu": "auto, cpu, gpu or gpu:0",
    "fit photos --out new --class-names x,y,z": "should give 2 different names, of 'a', 'b'",
    "fit photos --out new --class-names x,x": "should give 2 different names",
    "fit --config no.toml": "There is no file 'no.toml'",
    "fit --config file.txt": "'file.txt' should be TOML, and is not: ",
    "fit --config unknown.toml": "Did you mean 'epochs'?",
    "fit --config wrong.toml": "'epochs' in 'wrong.toml' should be a whole number. Received: '3'",
    "fit --config choice.toml": "'loss' in 'choice.toml' should be one of ",
    "fit --config whole.toml --epochs 0": "`--epochs`",
    "fit --config=whole.toml nowhere": "There is no folder 'nowhere'",
    "fit photos --out new --epochs many": "invalid int value: 'many'",
    "fit photos --out new --epochs 0": "`--epochs`",
    "fit photos --out new --seeds 0": "`--seeds`",
    "fit photos --out new --image-size 0": "`--image-size`",
    "fit photos --out new --test-split 0.95": "leave images to train on",
    "fit photos --out new --normalization grup": "argument --normalization",
    "fit photos --out new --transfer frieze": "argument --transfer",
    "fit photos --out new --imbalance none_such": "argument --imbalance",
    "fit photos --out new --loss hinge": "argument --loss",
    "fit photos --out new --correction tau": "argument --correction",
    "fit photos --out new --transfer freeze": "give --weights",
    "fit photos --out new --compare --tensorboard b": "single training",
    "fit digits --out new --backup b": "of your own",
    "fit photos --out new --weights no.keras": "no file of weights 'no.keras'",
    "fit photos --out new --weights imagenet": "name a --backbone",
    "fit photos --out new --backbone MobileNet7": "Did you mean 'MobileNet'? There are 'ConvNeXt",
    "fit photos --out new --recipe no.json": "no.json",
    "fit photos --out new --recipe file.txt": "should be JSON",
    "fit photos --out new --recipe bad.json": "'frieze'",
    "fit photos --out new --ignore-class 255": "has no masks/",
    "fit photos --out full": "full' exists",
    "fit photos --out file.txt": "is a file",
    "fit digits --out new --strict": "leave out '--strict'",
    "fit nowhere --out new": "There is no folder 'nowhere'",
    "fit file.txt --out new": "Received: the file 'file.txt'",
    "fit full --out new": "one sub-folder of images per class",
    "fit photos/a --out new": "one sub-folder of images per class",
    "fit single --out new": "one class only, 'a'",
    "fit table.csv --out new": "Line 2 of 'table.csv'",
    "fit scenes --out new": "Received without the other: '0'",
    "fit scenes --out new --backbone MobileNet": "gives no label maps",
    "fit scenes --out new --model imagenet": "the .keras file of a model",
    "advise nowhere": "There is no folder 'nowhere'",
    "advise photos --rule guess": "argument --rule",
    "tune nowhere --out new": "There is no folder 'nowhere'",
    "tune photos --out new --trials 0": "`--trials`",
    "tune photos --out new --tuner best": "argument --tuner",
    "tune photos --out new --space all": "argument --space",
    "tune photos --out new --distributed optuna": "--distributed needs --study",
    "predict nowhere x.png": "no folder of a run 'nowhere'",
    "predict full x.png": "'full' is no folder of a run: it has no 'recipe.json'",
    "predict run x.png": "no file or folder 'x.png'",
    "predict run full": "no images",
    "predict run photos --masks full": "full' exists",
    "predict run photos --out found.txt": "--out should end in .csv",
    "predict run photos --out table.csv": "'table.csv' exists",
    "predict file.txt photos": "the folder of a run, or the .keras file",
    "evaluate run nowhere": "There is no folder 'nowhere'",
    "evaluate nowhere photos": "no folder of a run 'nowhere'",
    "evaluate run photos --part tset": "Did you mean 'test'?",
    "evaluate run photos --label-column a": "are for a .csv file",
    "evaluate run scenes": "Received without the other: '0'",
    "inspect no.keras": "There is no file 'no.keras'",
    "replace no.keras --to group --out new.keras": "There is no file 'no.keras'",
    "replace there.keras --to grup --out new.keras": "argument --to",
    "replace there.keras --to group --out there.keras": "'there.keras' exists",
    "replace there.keras --to group --out new.h5": "should end in .keras",
    "replace there.keras --to group --out new.keras --where (": "should be a regex",
    "migrate no.h5 new.keras": "There is no file 'no.h5'",
    "migrate there.keras there.keras": "'there.keras' exists",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files that are what they should be by their names; none of them is read."""
    folder = tmp_path_factory.mktemp("files")
    names = [
        *("photos/a/0.png", "photos/b/0.png", "single/a/0.png", "full/text", "there.keras"),
        *("scenes/images/0.png", "scenes/masks/1.png", "file.txt", "run/model.keras"),
    ]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("text")
    (folder / "run/recipe.json").write_text('{"version": 1}')
    (folder / "bad.json").write_text('{"version": 1, "transfer": "frieze"}')
    (folder / "unknown.toml").write_text("epoch = 3")
    (folder / "wrong.toml").write_text("epochs = '3'")
    (folder / "choice.toml").write_text("loss = 'hinge'")
    whole = "data = 'photos'\nout = 'new'\nepochs = 3\nlearning-rate = 1\ncompare = true\n"
    (folder / "whole.toml").write_text(whole)
    (folder / "table.csv").write_text("path,label\nnone.png,a\n")
    return folder


def start(folder, *arguments, **settings):
    """Runs Python with the package beside these tests; returns what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(kerasnorm.__file__).parents[1])}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, **settings
    )
    assert done.returncode == 0, done.stderr
    return done


def answers(folder, commands):
    """Returns exit code, stdout, stderr and what was imported of Keras, command by command."""
    script = folder / "bin" / "kerasnorm"
    script.parent.mkdir(exist_ok=True)
    script.write_text(SCRIPT)
    done = start(folder, script, input=json.dumps(commands))
    assert done.stderr == ""
    return dict(zip(commands, ast.literal_eval(done.stdout), strict=True))


@pytest.fixture(scope="module")
def refused(folder):
    pytest.importorskip("keras_tuner")
    pytest.importorskip("sklearn")
    return answers(folder, [*REFUSED])


@pytest.mark.parametrize("command", REFUSED, ids=str)
def test_a_refusal_is_one_line(command, refused):
    code, out, err, imported = refused[command]
    assert (code, out, imported) == (2, "", set())
    assert err.startswith("kerasnorm: error: ") and REFUSED[command] in err
    assert err.count("\n") == 1


def test_help_and_version(folder):
    commands = ["--version", "--help", *(f"{name} --help" for name in RUN)]
    for command, (code, out, err, imported) in answers(folder, commands).items():
        said = kerasnorm.__version__ if command == "--version" else "usage: kerasnorm"
        assert (code, err, imported) == (0, "", set()) and said in out, command


def test_as_a_module(folder):
    done = start(folder, "-X", "importtime", "-m", "kerasnorm", "--version")
    assert done.stdout == f"kerasnorm {kerasnorm.__version__}\n"
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "kerasnorm.cli" in imported and not {"keras", "tensorflow", "numpy"} & imported


@pytest.mark.distributed
def test_a_command_that_works_knows_every_class_and_is_silent(folder):
    """Keras finds only classes that are registered: the command imports the chapters for it."""
    layers = [kerasnorm.GroupNormalization(groups=1), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    optimizer = kerasnorm.LayerwiseLearningRate(keras.optimizers.SGD(), {"dense": 0.1})
    model.compile(optimizer, kerasnorm.imbalance.losses.BalancedSoftmax([2, 1]))
    model.save(folder / "model.keras")
    done = start(folder, "-m", "kerasnorm", "inspect", "model.keras")
    assert "GroupNormalization" in done.stdout and done.stderr == ""


@pytest.mark.parametrize(
    ("argv", "orig_argv", "expected"),
    [
        (["/usr/bin/kerasnorm", "fit"], [], True),
        (["kerasnorm.exe"], [], True),
        (["-m", "--help"], ["python", "-X", "dev", "-m", "kerasnorm", "--help"], True),
        (["-m"], ["python", "-mkerasnorm"], True),
        (["-m", "kerasnorm"], ["python", "-m", "mine", "kerasnorm"], False),
        (["train.py", "kerasnorm"], [], False),
        (["-c"], [], False),
        ([""], [], False),
        ([], [], False),
    ],
    ids=str,
)
def test_only_the_command_waits_with_its_imports(argv, orig_argv, expected, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", orig_argv)
    assert kerasnorm._is_the_command() == expected
