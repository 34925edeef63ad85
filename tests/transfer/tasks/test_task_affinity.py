"""Encoders that see what a task asks for win; a killed run goes on and ends the same."""

import shutil

import keras
import numpy as np
import pytest
from backends import once
from processes import SUPPORT, run_in_a_new_process
from scipy.stats import kendalltau
from transfer.tasks.small_tasks import COUNT, examples, measure, sees, tasks

from kerasnorm._files import PART
from kerasnorm.backups import read_state
from kerasnorm.transfer import Task, affinity_from_wins, debiased_cka, logme, task_tree, win_rates
from kerasnorm.transfer.tasks._features import Features


@pytest.fixture(scope="module")
def found():
    keras.utils.set_random_seed(0)
    return measure(order=2).run(verbose=0)


def test_what_an_encoder_hides_it_cannot_transfer(found):
    best = dict(zip(found.targets, found.affinity[:3].argmax(axis=0), strict=True))
    assert found.sources[best["sign"]] == "sign"
    assert found.sources[best["sum"]] in ("sum", "difference")
    blind = found.losses[found.transfers.index(("sign",)), 0]
    assert found.losses[found.transfers.index(("sum",)), 0] < 0.5 * blind
    assert blind == pytest.approx(1, abs=0.4)  # the variance of a standardised target


def test_transfers_of_two_encoders_see_what_both_do(found):
    assert found.transfers[3:] == [("sum", "sign"), ("sum", "difference"), ("sign", "difference")]
    both, alone = (found.losses[found.transfers.index(n)] for n in (("sum", "sign"), ("sum",)))
    assert both[1] < 0.7 * alone[1]


@once
def test_affinities_are_those_of_the_wins(found):
    assert found.wins.shape == (2, 6, 6) and found.affinity.shape == (6, 2)
    np.testing.assert_allclose(found.affinity.sum(axis=0), 1)
    for t in range(2):
        np.testing.assert_allclose(found.affinity[:, t], affinity_from_wins(found.wins[t]))


@once
def test_the_tree_is_of_the_encoders_and_the_selection_of_all_transfers(found):
    expected = task_tree(found.affinity[:3], found.sources, found.targets, "average")
    np.testing.assert_array_equal(found.tree("average").linkage, expected.linkage)
    assert found.tree().sources == ("sum", "sign", "difference")
    assert found.select(3).value == pytest.approx(found.affinity.max(axis=0).sum())
    assert found.select(1).value == pytest.approx(found.affinity[:3].sum(axis=1).max())
    costs = {"sum": 9, "sign": 9}
    assert found.select(1, costs, {"sum": 2}).value == pytest.approx(found.affinity[2] @ [2, 1])


def test_estimates_are_the_scores_of_the_features(found):
    x = examples()
    learn = np.random.default_rng(0).permutation(COUNT)[COUNT // 4 :]
    for s, columns in enumerate([(0, 1), (2,), (0, 1, 3)]):
        seen = np.where(np.isin(range(4), columns), x, 0)[learn]
        scaled = (seen - seen.mean(axis=0)) / np.where(seen.std(axis=0) > 0, seen.std(axis=0), 1)
        sign, total = x[learn, 2] > 0, (x[:, 0] + x[:, 1])[learn]
        one_hot = np.stack([~sign, sign], axis=1)
        cka = [debiased_cka(scaled, total[:, None]), debiased_cka(scaled, one_hot)]
        np.testing.assert_allclose(found.estimates["cka"][s], cka, atol=1e-4)
        np.testing.assert_allclose(found.estimates["logme"][s], [np.nan, logme(scaled, sign)], 1e-3)
    for name, scores in found.estimates.items():
        tau = [kendalltau(scores[:, t], found.affinity[:3, t]).statistic for t in range(2)]
        np.testing.assert_allclose(found.rank_correlation()[name], tau)
    assert str(found).splitlines()[0].split() == [
        *("target", "best", "source", "affinity", "τ", "of", "cka", "τ", "of", "logme")
    ]


def test_equal_encoders_tie_whatever_else_is_measured():
    """The same start and the same batches: two equal encoders give equal losses."""
    keras.config.set_dtype_policy("mixed_float16")
    twins = {"one": sees(0, 2), "two": sees(0, 2), "other": sees(1)}
    settings = {"tasks": tasks(examples())[:1], "epochs": 2}
    found = measure(encoders=twins, **settings).run(verbose=0)
    np.testing.assert_allclose(found.losses[0], found.losses[1], rtol=1e-4)
    alone = measure(encoders={"one": twins["one"]}, **settings)
    np.testing.assert_allclose(alone.run(verbose=0).losses[0], found.losses[0], rtol=1e-4)


@once
def test_the_encoders_stay_as_they_are_and_features_are_computed_once(monkeypatch):
    computed, given = [], {"sum": sees(0, 1), "sign": sees(2)}
    initial = Features.__init__

    def counting(self, name, *rest):
        computed.append(name)
        initial(self, name, *rest)

    monkeypatch.setattr(Features, "__init__", counting)
    before = {name: encoder.get_weights() for name, encoder in given.items()}
    measure(encoders=given, epochs=1).run(verbose=0)
    assert sorted(computed) == sorted(given)
    for name, encoder in given.items():
        np.testing.assert_array_equal(encoder.get_weights(), before[name])


def test_maps_dense_tasks_and_several_inputs(rng):
    image, number = keras.Input((8, 8, 1), name="image"), keras.Input((1,), name="number")
    maps = keras.layers.Conv2D(3, 3, strides=2, padding="same")(image)
    maps = keras.layers.Add()([maps, keras.layers.Reshape((1, 1, 1))(number)])
    encoder = keras.Model({"image": image, "number": number}, maps)
    x = {"image": rng.normal(size=(24, 8, 8, 1)), "number": np.zeros((24, 1))}
    dense = [
        Task("same", x["image"][..., 0], "regression"),
        Task("positive", (x["image"][..., 0] > 0).astype(int), "classification"),
    ]
    data = {"encoders": {"a": encoder, "b": encoder}, "tasks": dense, "x": x}
    found = measure(**data, epochs=1).run(verbose=0)
    assert np.isfinite(found.losses).all() and np.isnan(found.estimates["logme"]).all()


@once
def test_the_cost_is_counted_before_it_starts(tmp_path, capsys):
    affinity = measure(epochs=1, directory=tmp_path)
    cost = affinity.cost()
    # heads of 4 numbers: 4·32 + 32 weights, then 32·1 + 1 or 32·2 + 2; an epoch of 120 / 20 batches
    assert cost[:4] == (6, 0, 6 * 6, (160 + 33, 160 + 66))
    assert 0 < cost.seconds < 60
    affinity.run(verbose=1)
    printed = capsys.readouterr().out
    assert "6 transfers, 0 done: 36 steps, heads of 193 to 226 parameters, about" in printed
    assert "6/6" in printed
    assert measure(epochs=1, directory=tmp_path).cost() == (6, 6, 0, (0, 0), 0)


KILLED = f"""
import os, signal, sys
sys.path.insert(0, {str(SUPPORT)!r})
from transfer.tasks.small_tasks import measure

real, count = os.replace, 0

def replace(source, target):
    global count
    count += str(target).endswith("transfers.npz")
    if count == 3:  # the third transfer is written, and does not count yet
        os.kill(os.getpid(), signal.SIGKILL)
    real(source, target)

os.replace = replace
measure(epochs=1, directory=sys.argv[1]).run(verbose=0)
"""


@pytest.mark.distributed
@once
def test_a_killed_run_goes_on(tmp_path):
    """What was measured stays, and the end is that of a run which nobody disturbed."""
    directory = tmp_path / "measured"
    with pytest.raises(AssertionError):
        run_in_a_new_process(KILLED, directory)
    assert len(list(directory.glob(f"{PART}*"))) == 1
    measured = read_state(directory / "transfers.npz")["state"]["losses"]
    assert len(measured) == 2
    resumed = measure(epochs=1, directory=directory)
    assert resumed.cost().done == 2
    resumed = resumed.run(verbose=0)
    assert [path.name for path in directory.iterdir()] == ["transfers.npz"]
    whole = measure(epochs=1).run(verbose=0)
    np.testing.assert_allclose(resumed.losses, whole.losses, rtol=1e-3)
    there = read_state(directory / "transfers.npz")["state"]["losses"]
    for transfer, losses in measured.items():
        np.testing.assert_array_equal(there[transfer], losses)
    losses = [there[(name,), "sign"] for name in resumed.sources]
    np.testing.assert_array_equal(resumed.wins[1], win_rates(losses))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of transfers that are measured, which no test changes."""
    folder = tmp_path_factory.mktemp("measured")
    only = {"encoders": {"sum": sees(0, 1)}, "tasks": tasks(examples())}
    measure(epochs=1, directory=folder, **only).run(verbose=0)
    return folder


@once
def test_encoders_and_tasks_may_be_added(tmp_path):
    first = {"encoders": {"sum": sees(0, 1)}, "tasks": tasks(examples())[:1]}
    settings = {"epochs": 1, "directory": tmp_path}
    measure(**first, **settings).run(verbose=0)
    more = measure(**settings)
    assert more.cost()[:2] == (6, 1)
    more.run(verbose=0)
    assert measure(**first, **settings).cost()[:2] == (1, 1)


@once
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epochs": 2}, r"began with epochs=1\. Received: epochs=2\. Resume"),
        ({"seed": 1, "batch_size": 10}, "Received: batch_size=10, seed=1"),
        ({"x": examples(seed=1)}, "began with x="),
        ({"encoders": {"sum": sees(0)}}, "began with encoder 'sum'.weights="),
        (
            {"tasks": [Task("sign", examples()[:, 0] > 0, "classification")]},
            "began with task 'sign'.targets=",
        ),
    ],
    ids=["epochs", "two settings", "examples", "encoder", "task"],
)
def test_a_directory_of_other_transfers(changed, message, finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    with pytest.raises(ValueError, match=message):
        measure(**{"epochs": 1, "directory": tmp_path, **changed})
    before = (finished / "transfers.npz").read_bytes()
    assert (tmp_path / "transfers.npz").read_bytes() == before


@once
def test_another_process_measures_other_transfers_meanwhile(finished, tmp_path):
    late = measure(epochs=2, directory=tmp_path)
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    with pytest.raises(ValueError, match=r"began with epochs=1\. Received: epochs=2"):
        late.run(verbose=0)


@once
def test_a_damaged_file(finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "transfers.npz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"transfers\.npz' is damaged"):
        measure(epochs=1, directory=tmp_path)


@once
def test_a_directory_of_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(ValueError, match=r"holds files, and no 'transfers\.npz'"):
        measure(directory=tmp_path)
    with pytest.raises(NotADirectoryError, match=r"thesis\.txt' is a file"):
        measure(directory=tmp_path / "thesis.txt")


MAPS = keras.Sequential([keras.Input((4,)), keras.layers.Reshape((2, 2, 1))])


@once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encoders": {}}, "`encoders` should be a dict"),
        ({"encoders": [MAPS]}, "`encoders` should be a dict"),
        ({"encoders": {"a": "resnet"}}, "'a' should be a keras.Model that is built"),
        ({"encoders": {"a": keras.Sequential([keras.layers.Dense(2)])}}, "Call it on a batch"),
        ({"tasks": []}, "`tasks` should be a list of Task"),
        ({"tasks": ["sum"]}, "`tasks` should be a list of Task"),
        ({"tasks": [*tasks(examples()), *tasks(examples())]}, "different names"),
        ({"tasks": tasks(examples()[:9])}, "each of the 160 examples of `x`. Received: 9"),
        ({"x": "images"}, "`x` should be an array of examples"),
        ({"x": {"a": examples(), "b": examples()[1:]}}, r"lengths \[159, 160\]"),
        ({"order": 0}, "`order` should be"),
        ({"validation_split": 1}, "`validation_split` should be a number"),
        ({"validation_split": 0.99}, "at least 4 examples to learn from"),
        ({"epochs": 0}, "`epochs`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"learning_rate": 0}, "`learning_rate`"),
        ({"seed": -1}, "`seed`"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        measure(**arguments)


@once
def test_maps_of_different_sizes_are_not_joined():
    with pytest.raises(ValueError, match=r"'sum': \(4,\), 'maps': \(2, 2, 1\).*order=1"):
        measure(encoders={"sum": sees(0), "maps": MAPS}, order=2).cost()
