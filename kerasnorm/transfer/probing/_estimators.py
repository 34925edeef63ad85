"""Creates estimators of features, and saves them without pickle."""

import json
import zipfile
from typing import Any

import numpy as np

from kerasnorm._validation import check_choice, listed, require
from kerasnorm.transfer.probing._solved_classifier import solved_classifier

KINDS = ("svm", "logistic")
FILES = _SETTINGS, _ARRAYS = "estimator.json", "estimator.npz"


def make_estimator(estimator: Any, seed: int) -> Any:
    """Returns an unfitted scikit-learn pipeline: features scaled, then the estimator.

    Args:
        estimator: "svm", "logistic", or a scikit-learn classifier, which is copied.
        seed: For the random numbers of "svm".

    Raises:
        ValueError: If it is none of these.
    """
    require("sklearn")
    from sklearn.base import clone, is_classifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    if isinstance(estimator, str) and estimator in KINDS:
        if estimator == "svm":
            last = LinearSVC(dual="auto", max_iter=10_000, random_state=seed)
        else:
            last = solved_classifier()()
    elif hasattr(estimator, "get_params") and not isinstance(estimator, type):
        if not is_classifier(estimator):
            raise ValueError(f"`estimator` should be a classifier. Received: {estimator!r}.")
        last = clone(estimator)
    else:
        raise ValueError(
            f"`estimator` should be one of {listed(KINDS)}, or a scikit-learn classifier. "
            f"Received: estimator={estimator!r}."
        )
    return make_pipeline(StandardScaler(), last)


def write_estimator(archive: zipfile.ZipFile, settings: dict[str, Any], pipeline: Any) -> None:
    """Writes a fitted pipeline of ours, with what `own_settings` says of it."""
    scaler, last = (step for _, step in pipeline.steps)
    archive.writestr(_SETTINGS, json.dumps(settings))
    with archive.open(_ARRAYS, "w") as file:
        np.savez(
            file,
            mean=scaler.mean_,
            variance=scaler.var_,
            scale=scaler.scale_,
            coefficients=last.coef_,
            intercept=last.intercept_,
            classes=last.classes_,
        )


def own_settings(pipeline: Any) -> dict[str, Any]:
    """Returns the arguments of `make_estimator` that gave this pipeline.

    Raises:
        ValueError: If it is another's.
    """
    parts = _parts(pipeline)
    seed = parts[-1][1].get("random_state") if parts else None
    for kind in KINDS:
        if _parts(make_estimator(kind, seed)) == parts:
            return {"estimator": kind, "seed": seed}
    raise ValueError(
        f"Only the estimators {listed(KINDS)} can be saved: others would have to be pickled, and a "
        f"pickle runs code when it is loaded. Received: {pipeline!r}. Save the model's `base`, "
        "and the estimator by means that you trust."
    )


def _parts(pipeline: Any) -> list[tuple[type, dict[str, Any]]]:
    return [(type(step), step.get_params()) for _, step in getattr(pipeline, "steps", ())]


def read_estimator(archive: zipfile.ZipFile) -> Any:
    """Returns the fitted pipeline that `write_estimator` has written.

    Raises:
        ValueError: If it is of another kind, or the arrays do not fit one another.
    """
    settings = json.loads(archive.read(_SETTINGS))
    check_choice("estimator", settings["estimator"], tuple(KINDS))
    pipeline = make_estimator(**settings)
    scaler, last = (step for _, step in pipeline.steps)
    with archive.open(_ARRAYS) as file, np.load(file, allow_pickle=False) as arrays:
        scaler.mean_, scaler.var_, scaler.scale_ = (
            arrays[name] for name in ("mean", "variance", "scale")
        )
        last.coef_, last.intercept_, last.classes_ = (
            arrays[name] for name in ("coefficients", "intercept", "classes")
        )
    size, classes = len(scaler.mean_), len(last.classes_)
    rows = 1 if classes == 2 else classes
    found = [each.shape for each in (scaler.scale_, last.coef_, last.intercept_, last.classes_)]
    if found != [(size,), (rows, size), (rows,), (classes,)]:
        raise ValueError(f"its arrays do not fit one another: shapes {found}.")
    scaler.n_features_in_ = last.n_features_in_ = len(scaler.mean_)
    return pipeline
