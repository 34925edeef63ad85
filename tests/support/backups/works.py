"""Works that are killed at any file operation: each in variants that are written differently."""

import keras
from cli.image_folders import write_images
from keras.optimizers import schedules
from recipe.recipe_models import perceptron, points
from transfer.tasks.small_tasks import encoders, measure, sees
from tuning.tuning_models import hypermodel, quick_search, told

from kerasnorm.cli import main
from kerasnorm.recipe import Recipe, Run, fit
from kerasnorm.transfer import fine_tune

TRAIN, HELD_OUT = points(), points((6, 5, 4), seed=1)


def model():
    keras.utils.set_random_seed(3)
    return perceptron(3)


def stop():
    return keras.callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True)


def plateau():
    return keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=0.05)


def is_stem(layer, name="stem"):
    return layer.name == name


def of_fine_tune(folder, callbacks=(), **settings):
    tuned = fine_tune(
        model(),
        TRAIN,
        HELD_OUT,
        **{"seed": 5, **settings},
        callbacks=[make() for make in callbacks],
        backup_dir=folder / "backup",
        jit_compile=False,
        verbose=0,
    )
    return {"weights": tuned.model.get_weights(), "history": tuned.history}


def of_fit(folder, epochs=4, callbacks=(), settings=None, **recipe):
    where = {"output": folder / "run", "backup_dir": folder / "backup", "overwrite": True}
    how = {"seed": 1, "jit_compile": False, "verbose": 0, **(settings or {}), **where}
    how["callbacks"] = [make() for make in callbacks]
    run = fit(Recipe(**recipe), model(), TRAIN, HELD_OUT, epochs, **how)
    assert run.history == Run.load(folder / "run").history
    return {"weights": run.model.get_weights(), "history": run.history}


def of_command(folder, options, epochs=2):
    photos = folder.parent / "photos"
    if not photos.exists():
        write_images(photos)
    where = ["--out", folder / "run", "--backup", folder / "backup", "--overwrite"]
    how = ["--image-size", "16", "--epochs", epochs, *options]
    assert main([str(each) for each in ("fit", photos, *where, *how)]) == 0
    run = Run.load(folder / "run")
    return {"weights": run.model.get_weights(), "history": run.history}


def of_search(folder, recipe=None, callbacks=(), **settings):
    made = hypermodel(recipe=Recipe(**(recipe or {})), callbacks=[make() for make in callbacks])
    found = quick_search(made, directory=folder / "study", **settings)
    return {"weights": found.best_model.get_weights(), "history": told(found)}


def of_tasks(folder, encoders=None, **settings):
    if encoders is not None:
        settings["encoders"] = encoders()
    found = measure(epochs=1, batch_size=160, directory=folder / "measured", **settings).run(
        verbose=0
    )
    return {"weights": [found.losses], "history": found.sources}


def more_encoders():
    return {**encoders(), "last": sees(3), "all": sees(0, 1, 2, 3)}


SCRATCH = {"strategy": "scratch", "head_epochs": 0}
COSINE = schedules.CosineDecay(0.1, 10), schedules.CosineDecay(0.01, 10)
RATES = dict(zip(("learning_rate", "base_learning_rate"), COSINE, strict=True))
OPTIONS = ["--transfer", "scratch"]
# the first of each is the one of `make test`
VARIANTS = {
    of_fine_tune: {
        "stopped": {"head_epochs": 2, "epochs": 2, "monitor": "val_loss", "callbacks": [stop]},
        "schedules": {"head_epochs": 1, "epochs": 3, "optimizer": "sgd", "seed": 7, **RATES},
        "plateau": {**SCRATCH, "epochs": 4, "callbacks": [plateau]},
        "by layer": {"head_epochs": 2, "epochs": 2, "decay": 0.5, "gradual": 1},
        "solved": {"epochs": 3, "class_weight": {0: 1.0, 1: 2.0, 2: 3.0}, "until": "norm"},
        "predicate": {"head_epochs": 1, "epochs": 2, "until": is_stem, "metrics": []},
    },
    of_fit: {
        "corrected": {"correction": "adjust_logits", "epochs": 3},
        "resampled": {"imbalance": "resample", "settings": {"keep": "last"}, "epochs": 2},
        "weighted": {"imbalance": "class_weights", "transfer": "scratch", "callbacks": [plateau]},
    },
    of_command: {
        "plain": {"options": OPTIONS},
        "focal": {"options": [*OPTIONS, "--loss", "focal"]},
        "resampled": {"options": [*OPTIONS, "--imbalance", "resample", "--seed", "3"]},
    },
    of_search: {
        "random": {"max_trials": 2},
        "longer": {"max_trials": 1, "epochs": 3, "recipe": {"transfer": "scratch"}, "seed": 3},
        "hyperband": {"max_trials": 1, "tuner": "hyperband", "epochs": 3, "callbacks": [stop]},
    },
    of_tasks: {
        "alone": {},
        "joined": {"order": 2},
        "many": {"encoders": more_encoders, "order": 2, "seed": 4},
    },
}
