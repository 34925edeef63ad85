"""Provides a search space of recipes for any tuner of keras-tuner."""

import copy
import functools
import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import keras

from kerasnorm._validation import as_int, listed, require
from kerasnorm.recipe import Recipe, fit
from kerasnorm.tuning._model_function import takes_recipe
from kerasnorm.tuning._space import Space
from kerasnorm.tuning._trial_runs import TrialRun, figures_of
from kerasnorm.tuning._vary import vary

# what a trial gives to `fit` itself
_OWN = {
    *("recipe", "model", "train", "validation", "epochs", "verbose", "output", "overwrite"),
    *("test", "tensorboard", "backup_dir"),  # nothing is chosen by a test; a folder is of one run
}


class RecipeHyperModel:
    """`keras_tuner.HyperModel` whose trials are recipes, each trained by `kerasnorm.recipe.fit`.

    Use it with `kerasnorm.tuning.search`, or with any tuner of keras-tuner: pass the tuner
    `keras_tuner.Objective("val_balanced_accuracy", "max")`, or another metric of `Run.history`, and
    call `tuner.search(train, validation, epochs=…)`. The metrics of a trial are those of its final
    model, which is saved in the folder `run` of the trial as by `Run.save`; only the runs of the
    best few trials are kept. (`tuner.get_best_models` loads weights into the initial model, which
    works only if the recipe does not change its layers.)

    A trial fails if its values contradict each other or do not fit the model; the search continues.
    With Hyperband each round trains from the start, for more epochs, since a recipe describes a
    complete training; its epoch settings must be valid for the short rounds, too.

    Args:
        model_fn: Function that returns the built keras.Model to start from; called with the trial's
            recipe if it has an argument without a default.
        space: Dict from dotted names of recipe fields to their values, a list of choices or a range
            (`linear`, `log`, `integers`). A setting is drawn only if the recipe uses it:
            `normalization_settings.groups` with "group". A dict of values gives each name of a
            chapter its own. `kerasnorm.tuning.spaces` has spaces to start from.
        recipe: Recipe that provides all fields that the space does not name. Defaults to None.
        keep_runs: Number of best trials whose runs stay on disk. Defaults to 3.
        **fit_arguments: Further arguments of `kerasnorm.recipe.fit`: `batch_size`, `seed`,
            `classes`, `keep`, `augmentation`, `callbacks`. With a `seed`, `model_fn` is called with
            it set, too.

    Raises:
        ValueError: If the space names an unknown field, no values, or a value that no recipe has;
            for unknown arguments.
        ImportError: If keras-tuner or tensorboard is missing.

    Example:

    >>> from kerasnorm.tuning import log
    >>> layers = [keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
    >>> source = keras.Sequential([keras.Input((3,)), *layers])
    >>> space = {
    ...     "imbalance": [None, "class_weights", "resample"],
    ...     "imbalance_settings.scheme": ["balanced", "sqrt"],
    ...     "optimizer_settings.learning_rate": log(1e-4, 1e-2),
    ... }
    >>> hypermodel = RecipeHyperModel(lambda: source, space)
    >>> import keras_tuner
    >>> hp = keras_tuner.HyperParameters()
    >>> hp.values["imbalance"] = '"class_weights"'
    >>> print(hypermodel.recipe_of(hp).describe("imbalance"))
    class_weights (scheme=balanced)

    See also:
        `search`, which runs it; `kerasnorm.tuning.spaces`, for spaces to start from.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> "RecipeHyperModel":
        # Only the objects are of keras-tuner's class, so that this one can do without it.
        require("keras_tuner", "tensorboard", extra="tuning")
        return super().__new__(_with_hyper_model(cls))

    def __init__(
        self,
        model_fn: Callable[..., keras.Model],
        space: Mapping[str, Any],
        recipe: Recipe | None = None,
        *,
        keep_runs: int = 3,
        **fit_arguments: Any,
    ) -> None:
        super().__init__()
        if not isinstance(recipe, Recipe | None):
            raise ValueError(f"`recipe` should be a Recipe. Received: {recipe!r}.")
        self.recipe: Recipe = Recipe() if recipe is None else recipe
        self.space: Space = Space(space, self.recipe)
        self.model_fn: Callable[..., keras.Model] = model_fn
        self.given_space: Mapping[str, Any] = space
        self.fit_arguments: dict[str, Any] = fit_arguments
        self.keep_runs: int = as_int("keep_runs", keep_runs, low=1)
        self.described_data: list[Any] = []  # of the search that it is in, as the next
        self.resumes: bool = True
        self._takes_recipe = takes_recipe(model_fn)
        self._policy = keras.config.dtype_policy()
        unknown = fit_arguments.keys() - (inspect.signature(fit).parameters.keys() - _OWN)
        if unknown:
            raise ValueError(
                "Further arguments should be those of `kerasnorm.recipe.fit` that a trial does not "
                f"give itself. Received: {listed(sorted(unknown))}."
            )

    def recipe_of(self, hp: Any) -> Recipe:
        """Returns the recipe of the values that keras-tuner drew, a `HyperParameters`.

        Raises:
            ValueError: If they contradict one another.
        """
        return vary(self.recipe, self.space.drawn(hp))

    def with_arguments(self, **fit_arguments: Any) -> "RecipeHyperModel":
        """Returns the same with these arguments of `fit` in place of its own."""
        arguments = {**self.fit_arguments, **fit_arguments}
        return type(self)(
            self.model_fn, self.given_space, self.recipe, keep_runs=self.keep_runs, **arguments
        )

    def declare_hyperparameters(self, hp: Any) -> None:
        """Tells keras-tuner of the whole space; called once, before any `build`."""
        self.space.declare(hp)

    def build(self, hp: Any) -> keras.Model:
        """Returns the model to start from."""
        # each round of Hyperband trains anew: its tuner would load weights for this
        hp.values.pop("tuner/trial_id", None)
        # keras-tuner cleared Keras' session, and with it the policy and the seed
        keras.config.set_dtype_policy(self._policy)
        if self.fit_arguments.get("seed") is not None:
            keras.utils.set_random_seed(self.fit_arguments["seed"])
        if not self._takes_recipe:
            return self.model_fn()
        try:
            recipe = self.recipe_of(hp)
        except ValueError:  # keras-tuner also builds where no trial could fail; `fit` refuses
            recipe = self.recipe
        return self.model_fn(recipe)

    def fit(
        self,
        hp: Any,
        model: keras.Model,
        train: Any,
        validation: Any,
        *,
        epochs: int = 10,
        initial_epoch: int = 0,
        verbose: str | int = "auto",
        callbacks: Iterable[keras.callbacks.Callback] = (),
        **fit_arguments: Any,
    ) -> dict[str, float]:
        """Trains by the recipe drawn and returns the figures of the model that comes out.

        Args:
            hp: Keras-tuner's `HyperParameters`.
            model: Model from `build`.
            train: As `kerasnorm.recipe.fit` takes it, as `validation`.
            validation: Held-out examples for the figures.
            epochs: Passes over `train`. Defaults to 10.
            initial_epoch: Ignored: each round of Hyperband trains from the start.
                Defaults to 0.
            verbose: As in `Model.fit`.
            callbacks: Keras-tuner's, and those given to the tuner's `search`.
            **fit_arguments: In place of those given to the `RecipeHyperModel`.

        Raises:
            keras_tuner.errors.FailedTrialError: If the values contradict one another, or the
                model or the data do not fit them.
        """
        trial = TrialRun.found_in(callbacks)
        if trial and trial.figures:
            return trial.figures
        output = trial and trial.prepare(self.keep_runs)
        given = {"epochs": epochs, "verbose": verbose, "callbacks": callbacks, **fit_arguments}
        return self.train(hp, model, (train, validation), output, **given)

    def train(
        self,
        hp: Any,
        model: keras.Model,
        data: tuple[Any, Any],
        output: Path | None,
        *,
        epochs: int,
        callbacks: Iterable[keras.callbacks.Callback] = (),
        **fit_arguments: Any,
    ) -> dict[str, float]:
        """Does what `fit` says, and leaves the run in a folder; of its trial it knows no more.

        Args:
            hp: as in `fit`, as `model` is.
            data: for training and for validation.
            output: the folder, None for none; a backup of the training is beside it until it ends.
            epochs: as in `fit`, as are all others.

        Raises:
            keras_tuner.errors.FailedTrialError: As in `fit`.
        """
        import keras_tuner

        arguments = {"keep": "best", **self.fit_arguments, **fit_arguments}
        # without a seed, `build` starts from other weights than the trial that was interrupted
        if output is not None and self.resumes and arguments.get("seed") is not None:
            arguments["backup_dir"] = output.parent
        own = copy.deepcopy(list(arguments.pop("callbacks", ())))
        start = time.monotonic()
        try:
            run = fit(
                self.recipe_of(hp),
                model,
                *data,
                epochs,
                output,
                callbacks=[*own, *callbacks],
                **arguments,
            )
        except ValueError as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        return {
            **figures_of(run, arguments["keep"]),
            "epochs": epochs,
            "seconds": time.monotonic() - start,
        }


@functools.cache
def _with_hyper_model(cls: type) -> type:
    """Returns the class, made a subclass of `keras_tuner.HyperModel`."""
    import keras_tuner

    if issubclass(cls, keras_tuner.HyperModel):
        return cls
    names = {"__module__": cls.__module__, "__doc__": cls.__doc__}
    return type(cls.__name__, (cls, keras_tuner.HyperModel), names)
