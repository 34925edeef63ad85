"""`search`: what it finds, what it refuses, and what it says."""

import json
import shutil

import keras
import keras_tuner
import matplotlib.figure
import pytest
from backends import once
from tuning.tuning_models import (
    CONTRADICTION,
    HELD_OUT,
    SPACE,
    TRAIN,
    Trainings,
    hypermodel,
    quick_search,
    told,
)

from kerasnorm.backups import Backup
from kerasnorm.recipe import Recipe
from kerasnorm.tuning import Search, log, search

pytestmark = [once, pytest.mark.usefixtures("without_tracing")]


@pytest.fixture(scope="module")
def found(without_tracing):
    settings = {"head_epochs": [0, 5], "base_learning_rate": log(1e-3, 1e-1)}
    space = {**SPACE, **{f"transfer_settings.{name}": each for name, each in settings.items()}}
    return quick_search(hypermodel(space), max_trials=5, epochs=2)


def test_the_best_is_the_best(found):
    scores = {row["number"]: row["score"] for row in found.trials if row["status"] == "completed"}
    assert 1 < len(scores) < 5 and [row["number"] for row in found.trials] == [*range(5)]
    assert len({*scores.values()}) > 1, "any trial would be the best"
    best = max(scores, key=scores.get)
    assert found.best_recipe == found.trials[best]["recipe"]
    hits = found.best_model.predict(HELD_OUT[0], verbose=0).argmax(axis=1) == HELD_OUT[1]
    recalls = [hits[HELD_OUT[1] == label].mean() for label in range(3)]
    assert sum(recalls) / 3 == pytest.approx(scores[best])


def test_rows(found):
    for row in found.trials:
        failed = row["settings"]["transfer_settings.head_epochs"] == 5
        assert row["status"] == ("failed" if failed else "completed")
        assert row["recipe"].imbalance == row["settings"]["imbalance"]
        if failed:
            assert row["message"].startswith("`head_epochs` should leave epochs")
            assert row["score"] is row["seconds"] is row["epochs"] is None
        else:
            assert row["message"] == "" and row["epochs"] == 2 and row["seconds"] > 0


def test_table(found):
    header, *lines = str(found).splitlines()
    done = [row for row in found.trials if row["score"] is not None]
    assert header.split() == ["trial", found.objective, "epochs", "seconds", "values", "drawn"]
    scores = [
        float(line.split()[1])
        for line in lines[: sum(r["score"] is not None for r in found.trials)]
    ]
    assert scores == sorted(scores, reverse=True)
    assert sum("failed: `head_epochs`" in line for line in lines) == 5 - len(scores)
    for row, line in zip(sorted(done, key=lambda row: -row["score"]), lines, strict=False):
        rate = row["settings"]["optimizer_settings.learning_rate"]
        assert (
            f"learning_rate={rate:.4g}" in line and f"imbalance={row['recipe'].imbalance}" in line
        )


def test_a_short_name_of_two_chapters_is_written_out():
    settings = {"loss_settings.tau": 1.0, "correction_settings.tau": 2.0, "loss": "logit_adjusted"}
    row = {"number": 0, "status": "completed", "score": 1.0, "epochs": 1, "seconds": 1.0}
    made = Search(Recipe(), None, [{**row, "settings": settings}])
    drawn = "loss_settings.tau=1, correction_settings.tau=2, loss=logit_adjusted"
    assert str(made).endswith(drawn)


def test_plots(found):
    ax = found.plot()
    points, best, crosses = ax.lines
    done = [row for row in found.trials if row["score"] is not None]
    assert [*points.get_ydata()] == [row["score"] for row in done]
    assert [*best.get_ydata()] == [max(points.get_ydata()[: n + 1]) for n in range(len(done))]
    assert len(crosses.get_xdata()) == 5 - len(done)
    own = matplotlib.figure.Figure().subplots()
    assert found.plot(own) is own
    panels = found.plot_settings().axes
    assert [panel.get_xlabel() for panel in panels] == found.settings
    counts = [len(panel.lines[0].get_xdata()) for panel in panels]
    assert counts == [sum(name in row["settings"] for row in done) for name in found.settings]


def test_smaller_is_better_where_it_is():
    row = {"recipe": None, "status": "completed", "settings": {}, "epochs": 1, "seconds": 1.0}
    rows = [{"number": n, "score": score, **row} for n, score in enumerate([0.3, 0.1, 0.2])]
    made = Search(Recipe(), None, rows, "val_loss", maximize=False)
    assert [line.split()[0] for line in str(made).splitlines()] == ["trial", "1", "2", "0"]
    assert [*made.plot().lines[1].get_ydata()] == [0.3, 0.1, 0.1]
    found = quick_search(objective="val_loss", max_trials=2)
    assert found.best_recipe == min(found.trials, key=lambda row: row["score"])["recipe"]


def test_failures_in_a_row_do_not_end_it():
    """keras-tuner ends after three. A class of its tuners does, too."""
    model = hypermodel({"transfer_settings.head_epochs": [4, 3, 2, 0]})
    found = quick_search(model, tuner=keras_tuner.GridSearch, max_trials=4)
    assert [row["status"] for row in found.trials] == ["failed"] * 3 + ["completed"]


@pytest.mark.parametrize("tuner", ["hyperband", "bayesian"])
def test_tuners(tuner):
    found = quick_search(tuner=tuner, max_trials=1, epochs=3)
    rounds = 3 if tuner == "hyperband" else 1
    assert [(row["status"], row["epochs"]) for row in found.trials] == [("completed", 3 // rounds)]


def test_a_tuner_that_is_made(tmp_path):
    model = hypermodel({"optimizer_settings.amsgrad": [True]}, seed=0)
    objective = keras_tuner.Objective("val_accuracy", "max")
    tuner = keras_tuner.RandomSearch(model, objective, directory=tmp_path)
    found = search(model, TRAIN, HELD_OUT, tuner, epochs=1, verbose=0)
    assert found.objective == "val_accuracy" and len(found.trials) == 1
    with pytest.raises(ValueError, match="another hypermodel"):
        search(hypermodel(), TRAIN, HELD_OUT, tuner)
    with pytest.raises(ValueError, match="takes no 'max_trials', 'seed'"):
        search(model, TRAIN, HELD_OUT, tuner, max_trials=3, seed=0)


@pytest.mark.parametrize("tuner", ["random", "made"])
def test_says_why_no_trial_completed(tuner, tmp_path):
    """keras-tuner's `search` ends as if all were well, or with the last reason only."""
    model = hypermodel({**CONTRADICTION, "optimizer_settings.amsgrad": [True, False]})
    arguments = {"max_trials": 5, "epochs": 1, "verbose": 0}
    if tuner == "made":
        objective = keras_tuner.Objective("val_accuracy", "max")
        tuner = keras_tuner.RandomSearch(
            model, objective, max_consecutive_failed_trials=2, directory=tmp_path
        )
        del arguments["max_trials"]
    message = r"None of the 2 trials completed.\n2 failed with: `head_epochs` should leave.*=5"
    with pytest.raises(RuntimeError, match=message):
        search(model, TRAIN, HELD_OUT, tuner, **arguments)


def test_every_reason_is_said():
    def model_fn(recipe):
        if recipe.imbalance == "resample":
            raise TypeError("no such model")
        return keras.Sequential([keras.Input((4,)), keras.layers.ReLU()])

    model = hypermodel({"imbalance": [None, "resample"]}, model_fn)
    with pytest.raises(RuntimeError, match="1 failed with: TypeError: no such model") as raised:
        quick_search(model)
    assert "1 failed with: " in str(raised.value).replace("TypeError: no such model", "", 1)


REFUSED = [
    ({"tuner": "rondom"}, "`tuner` should be one of 'random', 'hyperband', 'bayesian'"),
    ({"tuner": 3, "max_trials": None, "seed": None}, "or one that is made. Received: 3"),
    ({"tuner": dict}, "or one that is made. Received: <class"),
    ({"max_trials": 0}, "`max_trials`"),
    ({"epochs": 0}, "`epochs`"),
    ({"model": keras.Sequential()}, "should be a RecipeHyperModel"),
]


@pytest.mark.parametrize(("kwargs", "message"), REFUSED, ids=lambda value: str(value)[:30])
def test_wrong_input_is_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        quick_search(**kwargs)


def test_refuses_to_choose_by_nothing():
    with pytest.raises(ValueError, match="`validation`"):
        search(hypermodel(), TRAIN, None)


def test_a_study_goes_on(tmp_path, capsys):
    """In silence; and anew its seed of 0, which keras-tuner takes for none, draws the same."""
    begun = Trainings()
    model = hypermodel(callbacks=[begun])
    first = quick_search(model, max_trials=1, directory=tmp_path)
    again = quick_search(model, max_trials=1, directory=tmp_path)
    assert len(begun.begun) == 1 and again.trials == first.trials
    more = quick_search(model, max_trials=2, directory=tmp_path)
    assert len(begun.begun) == 2 and more.trials[:1] == first.trials
    anew = quick_search(model, max_trials=1, directory=tmp_path, overwrite=True)
    assert len(begun.begun) == 3 and told(anew) == told(first)
    assert capsys.readouterr().out == ""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, without_tracing):
    """A search of one trial, and its folder, which no test changes."""
    folder = tmp_path_factory.mktemp("study")
    return quick_search(directory=folder, max_trials=1), folder


@pytest.fixture
def study(finished, tmp_path):
    """A copy of the folder."""
    return shutil.copytree(finished[1], tmp_path / "study")


# keras-tuner finds the figures that it wrote, and takes them for those of an old way to tell them
@pytest.mark.filterwarnings("ignore:The use case of calling `self.oracle.update_trial")
def test_a_trial_of_a_tuner_that_ended_unnoticed_is_not_run_again(tmp_path):
    """Killed after keras-tuner had written the figures, and before that the trial ended."""
    begun = Trainings()

    def tuned():
        objective = keras_tuner.Objective("val_accuracy", "max")
        model = hypermodel(callbacks=[begun], seed=0)
        tuner = keras_tuner.RandomSearch(model, objective, 1, directory=tmp_path, project_name="it")
        tuner.search(TRAIN, HELD_OUT, epochs=1, verbose=0)
        return tuner.oracle.trials["0"].score

    score = tuned()
    path = tmp_path / "it" / "oracle.json"
    state = json.loads(path.read_text())
    state["ongoing_trials"] = {"tuner0": state["end_order"].pop()}
    path.write_text(json.dumps(state))
    assert tuned() == score and len(begun.begun) == 1


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"epochs": 2}, r"began with epochs=1\. Received: epochs=2\. Resume"),
        ({"seed": 1}, r"began with seed=0\. Received: seed=1"),
        ({"batch_size": 8}, "began with batch_size=None"),
        ({"tuner": "bayesian"}, "began with tuner='RandomSearch'"),
        ({"objective": "val_loss"}, r"objective=\['val_balanced_accuracy', 'max'\]"),
        ({"model": hypermodel({"imbalance": [None]})}, "began with space."),
        ({"model": hypermodel(recipe=Recipe(transfer="scratch"))}, "began with recipe."),
    ],
    ids=lambda value: str(value)[:20],
)
def test_another_search_is_refused(kwargs, message, study):
    before = {path: path.read_bytes() for path in study.rglob("*.npz")}
    with pytest.raises(ValueError, match=message):
        quick_search(directory=study, max_trials=1, **kwargs)
    assert before == {path: path.read_bytes() for path in study.rglob("*.npz")}


def test_a_damaged_study_is_refused(study):
    path = study / "trials.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"trials\.npz' is damaged"):
        quick_search(directory=study, max_trials=1)


def test_a_study_of_an_older_version_is_refused(study):
    """Or of keras-tuner alone: of several files."""
    (study / "trials.npz").unlink()
    with pytest.raises(ValueError, match=r"holds trials of another search.*overwrite"):
        quick_search(directory=study, max_trials=1)
    assert len(quick_search(directory=study, max_trials=1, overwrite=True).trials) == 1


def test_a_study_is_one_process_s(tmp_path):
    refused = pytest.raises(ValueError, match="is in use: another training")
    with Backup(tmp_path, "trials").held(), refused:
        quick_search(directory=tmp_path, max_trials=1)


def test_a_search_leaves_a_file_and_the_runs(study):
    left = {path.name for path in study.rglob("*") if "run" not in path.parts}
    keras_tuners = {"build_config.json", "checkpoint.weights.h5"}
    assert left - keras_tuners == {"trials", "trials.npz", "trial_0"}
