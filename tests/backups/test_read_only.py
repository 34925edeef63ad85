"""Folders that nothing can be written to: refused before anything is trained."""

import errno
import os

import keras
import pytest
from backends import once
from recipe.recipe_models import perceptron, points
from transfer.tasks.small_tasks import measure
from tuning.tuning_models import hypermodel, quick_search

from kerasnorm.distribute import resume_callbacks
from kerasnorm.recipe import Recipe, fit
from kerasnorm.transfer import fine_tune

pytestmark = [once, pytest.mark.usefixtures("without_tracing")]
X, Y = points()
UNNAMED = getattr(os, "O_TMPFILE", os.O_CREAT)
QUICK = {"epochs": 1, "verbose": 0}


class Count(keras.callbacks.Callback):
    """Counts batches, though a trial of a search gets a copy."""

    batches = 0

    def on_train_batch_begin(self, batch, logs=None):
        type(self).batches += 1


def keras_fit(folder):
    model = perceptron(3)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(X, Y, callbacks=[Count(), *resume_callbacks(folder)], verbose=0)


def trained(**where):
    recipe = Recipe(transfer="scratch")
    return fit(recipe, perceptron(3), (X, Y), callbacks=[Count()], **QUICK, **where)


WAYS = {
    "fit's output": lambda folder: trained(output=folder / "run"),
    "fit's backup": lambda folder: trained(backup_dir=folder),
    "fine_tune": lambda folder: fine_tune(
        perceptron(3), (X, Y), head_epochs=1, callbacks=[Count()], backup_dir=folder, **QUICK
    ),
    "resume_callbacks": keras_fit,
    "search": lambda folder: quick_search(hypermodel(callbacks=[Count()]), directory=folder),
    "affinities": lambda folder: measure(directory=folder).run(verbose=0),
}


@pytest.fixture(params=["without leave", "read-only disk", "a file"])
def folder(request, tmp_path, monkeypatch):
    """A folder as others than root see it, whom nothing keeps out."""
    folder = tmp_path / "folder"
    if request.param == "a file":
        folder.write_text("mine")
        return folder
    folder.mkdir()
    number = errno.EACCES if request.param == "without leave" else errno.EROFS
    real = os.open

    def refusing(path, flags, *rest, **kwargs):
        makes = flags & os.O_CREAT or flags & UNNAMED == UNNAMED
        if makes and str(path).startswith(str(folder)):
            raise OSError(number, os.strerror(number), str(path))
        return real(path, flags, *rest, **kwargs)

    monkeypatch.setattr(os, "open", refusing)
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_is_refused_before_training(way, folder, monkeypatch):
    monkeypatch.setattr(Count, "batches", 0)
    monkeypatch.setattr("kerasnorm.transfer.tasks._transfer_head.TransferHead.train", pytest.fail)
    with pytest.raises(OSError, match=str(folder)):
        WAYS[way](folder)
    assert Count.batches == 0
    assert folder.is_file() or not [*folder.rglob("*.*")]
