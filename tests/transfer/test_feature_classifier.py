"""A base and its estimator are one thing, in memory and in a file that holds no pickle."""

import re
import zipfile

import keras
import numpy as np
import pytest
from backends import once
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from transfer.probing_models import MODELS, images, nested, sequential

from kerasnorm.transfer import FeatureClassifier, probe_layers
from kerasnorm.transfer.probing._cut import cut
from kerasnorm.transfer.probing._depths import depths
from kerasnorm.transfer.probing._pooled import pooled_features

pytestmark = pytest.mark.usefixtures("without_tracing")
WITH_GRAPH = [kind for kind in MODELS if kind != "subclassed"]
X, Y = images(60)


@once
@pytest.mark.parametrize("kind", WITH_GRAPH)
def test_the_base_gives_the_features_that_were_probed(kind):
    model = MODELS[kind]()
    everything = depths(model, None)
    probed = pooled_features(model, everything, X[:9])
    for leaf in everything:
        features = FeatureClassifier(cut(model, leaf), None).features(X[:9])
        np.testing.assert_allclose(features, probed[leaf.path], atol=1e-6)


def test_what_lies_above_the_cut_is_not_there():
    classifier = probe_layers(nested(), X, Y, layers=["deep_conv"]).classifier()
    names = {layer.name for layer in classifier.base._flatten_layers()}
    assert {"lift", "deep_conv"} <= names
    assert not {"pool", "side", "base_conv", "head"} & names


@once
@pytest.mark.parametrize(
    ("kind", "estimator", "labels"),
    [
        ("sequential", "svm", "three_names"),
        ("sequential", "logistic", "two_numbers"),
        ("nested", "svm", "two_numbers"),
        ("nested", "logistic", "three_names"),
    ],
)
def test_a_file_has_base_and_estimator(kind, estimator, labels, tmp_path):
    y = np.array(["owl", "cat", "a longer name"])[Y] if labels == "three_names" else 7 * (Y == 1)
    classifier = probe_layers(MODELS[kind](), X, y, estimator, layers=None, folds=2).classifier()
    classifier.save(tmp_path / "owls.zip")
    loaded = FeatureClassifier.load(str(tmp_path / "owls.zip"))
    np.testing.assert_array_equal(loaded.predict(X), classifier.predict(X))
    np.testing.assert_array_equal(loaded.decision_function(X), classifier.decision_function(X))
    assert hasattr(loaded, "predict_proba") == (estimator == "logistic")
    if estimator == "logistic":
        np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))
        np.testing.assert_allclose(loaded.predict_proba(X).sum(axis=1), 1, rtol=1e-6)
    loaded.save(tmp_path / "again.zip")


@once
def test_a_file_holds_no_pickle(tmp_path):
    probe_layers(sequential(), X, np.array(["b", "a", "c"])[Y]).classifier().save(tmp_path / "f")
    with zipfile.ZipFile(tmp_path / "f") as archive:
        assert archive.namelist() == ["base.keras", "estimator.json", "estimator.npz"]
        with archive.open("estimator.npz") as file, np.load(file, allow_pickle=False) as arrays:
            assert all(arrays[name].dtype != object for name in arrays)


@once
@pytest.mark.parametrize(
    "estimator", [KNeighborsClassifier(3), LinearSVC(C=0.1)], ids=["neighbours", "other_svm"]
)
def test_other_estimators_work_and_are_not_saved(estimator, tmp_path):
    classifier = probe_layers(sequential(), X, Y, estimator, layers=["conv1"]).classifier()
    assert classifier.predict(X).shape == (60,)
    with pytest.raises(ValueError, match="pickle runs code"):
        classifier.save(tmp_path / "file")
    assert not (tmp_path / "file").exists()


@once
@pytest.mark.parametrize("name", ["text", "model", "nothing"])
def test_other_files(name, tmp_path):
    path = tmp_path / "model.keras"
    if name == "text":
        path.write_text("owls")
    elif name == "model":
        sequential().save(path)
    error = FileNotFoundError if name == "nothing" else ValueError
    with pytest.raises(error, match=re.escape(path.name)):
        FeatureClassifier.load(path)


def test_a_model_with_a_call_of_its_own_cannot_be_cut():
    table = probe_layers(MODELS["subclassed"](), X, Y, layers=["conv"])
    with pytest.raises(ValueError, match="class Own has a `call` of its own"):
        table.classifier()


def test_the_base_shares_the_layers_of_the_model():
    model = sequential()
    classifier = probe_layers(model, X, Y, layers=["conv1"]).classifier()
    before = classifier.features(X)
    model.get_layer("conv1").kernel.assign(2 * model.get_layer("conv1").kernel)
    assert not np.array_equal(classifier.features(X), before)
    assert isinstance(classifier.base, keras.Model)
