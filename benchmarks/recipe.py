"""What advice and tuning gain over plain training, over seeds, at equal steps.

    python benchmarks/recipe.py [--seeds 5] [--trials 20] [--parts digits folder tuned]

The demo's problem, from digits 0–4 to a long tail of 5–9 (600 to 20 images). "digits" has arrays;
"folder" the same images as PNG files, read as RGB from folders with a sub-folder a class; "tuned" a
search over recipes, with a seed that no figure uses. The epoch of each training is chosen on the
validation digits, the figures are those of the test digits: balanced accuracy in %, mean ±
deviation.
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np
from rich.console import Console

from kerasnorm.imbalance import ImageFolder
from kerasnorm.problems import (
    EPOCHS,
    RATE,
    SIZE,
    SOURCE_EPOCHS,
    DigitsProblem,
    compare,
    plain_ways,
    small_convnet,
)
from kerasnorm.recipe import Recipe, advise, fit
from kerasnorm.recipe.results import table
from kerasnorm.tuning import RecipeHyperModel, search, spaces

SEARCH_SEED = 200


class FolderProblem(DigitsProblem):
    """The same images in files."""

    def __init__(self, folder):
        super().__init__()
        self._folder = Path(folder)

    def data(self, seed):
        """Writes the images of a seed, and returns the folders of training, validation and test."""
        return tuple(
            self._written(f"{seed}/{name}", split)
            for name, split in zip(("train", "validation", "test"), super().data(seed), strict=True)
        )

    def _written(self, name, split):
        folder = self._folder / name
        if not folder.exists():
            for index, (image, label) in enumerate(zip(*split, strict=True)):
                path = folder / self.classes[label] / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                keras.utils.save_img(path, np.repeat(image, 3, -1), scale=False)
        return ImageFolder(folder, SIZE)

    def model(self, recipe, seed, callbacks=()):
        """Returns a ConvNet of RGB images that has learnt the digits 0–4."""
        if seed not in self._models:
            keras.utils.set_random_seed(seed)
            x, y = self._load(seed).source
            settings = {"learning_rate": RATE}
            config = {"class_name": "batch", "config": {"momentum": 0.9}}
            model = small_convnet((SIZE, SIZE, 3), 5, config)
            source = Recipe(transfer=None, optimizer_settings=settings)
            data = np.repeat(x, 3, -1), y
            run = fit(source, model, data, epochs=SOURCE_EPOCHS, batch_size=64, verbose=0)
            self._models[seed] = run.model
        return self._models[seed]


def advice(problem, seed):
    train, _, _ = problem.data(seed)
    model = problem.model(Recipe(), seed)
    return advise(model, train, epochs=EPOCHS, learning_rate=RATE, seed=seed)


def tuned(problem, trials):
    """Returns the best recipe of a search."""
    train, validation, _ = problem.data(SEARCH_SEED)
    space = spaces.join(
        {
            "transfer_settings.head_epochs": [0, 1, 3, 6],
            "transfer_settings.batchnorm": ["train", "affine_only"],
            "optimizer_settings.learning_rate": [1e-3, 2e-3, 3e-3, 5e-3, 1e-2],
            "schedule": [None, "cosine"],
        },
        spaces.layer_decays(),
        spaces.losses(),
    )
    hypermodel = RecipeHyperModel(
        lambda recipe: problem.model(recipe, SEARCH_SEED), space, Recipe(), classes=problem.classes
    )
    found = search(
        hypermodel, train, validation, max_trials=trials, epochs=EPOCHS, seed=0, verbose=0
    )
    print(found)
    return found.best_recipe


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=20)
    parts = ("digits", "folder", "tuned")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    arguments = parser.parse_args()

    def report(title, problem, ways):
        def on_trial(name, seed, trial):
            print(f"{title}, seed {seed}, {name}: {trial.evaluation.balanced_accuracy:.3f}")

        seeds = range(arguments.seeds)
        comparison, _ = compare(ways, problem, seeds, EPOCHS, 32, lambda: None, on_trial)
        Console(width=120).print(table(comparison, f"{title}: {arguments.seeds} seeds, in %"))

    with tempfile.TemporaryDirectory() as folder:
        if "digits" in arguments.parts:
            problem = DigitsProblem()
            report("digits", problem, {**plain_ways(), "advised": advice(problem, 0)})
        if "folder" in arguments.parts:
            problem = FolderProblem(folder)
            plain = {"plain fine-tuning": plain_ways()["plain fine-tuning"]}
            report("folder", problem, {**plain, "advised": advice(problem, 0)})
        if "tuned" in arguments.parts:
            problem = DigitsProblem()
            report(
                "tuned",
                problem,
                {"advised": advice(problem, 0), "tuned": tuned(problem, arguments.trials)},
            )


if __name__ == "__main__":
    main()
