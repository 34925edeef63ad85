"""What is frozen moves no bit in `fit`, in every kind of model; nothing else is touched."""

import keras
import numpy as np
import pytest
from backends import once
from keras import layers
from transfer.freezing_models import (
    AT_ONCE,
    BELOW_HEAD,
    MODELS,
    MODES,
    SHAPE,
    body,
    chain,
    head,
    should_move,
    what_moves,
)

from kerasnorm.surgery import freeze_statistics
from kerasnorm.transfer import Change, freeze, trainable_table, unfreeze

pytestmark = pytest.mark.usefixtures("without_tracing")


def trains(model):
    return {row["path"]: row["trainable"] for row in trainable_table(model).rows}


@pytest.mark.parametrize(("kind", "batchnorm"), AT_ONCE.items())
def test_fit_moves_what_is_not_frozen_and_no_bit_of_the_rest(kind, batchnorm):
    model = MODELS[kind]()
    change = freeze(model, BELOW_HEAD, batchnorm)
    assert change.frozen and not change.unfrozen
    assert what_moves(model) == should_move(model, batchnorm)


@once
@pytest.mark.filterwarnings("ignore:.*compile")  # `what_moves` does
@pytest.mark.parametrize("kind", MODELS)
def test_unfreeze_with_train_undoes_freeze(kind):
    model = MODELS[kind]()
    free = what_moves(model)
    change = freeze(model, until=1.0, batchnorm="inference")
    assert not any(trains(model).values())
    back = unfreeze(model, above=0, batchnorm="train")
    assert set(back.unfrozen) == set(change.frozen) and not back.frozen
    assert what_moves(model) == free


@once
@pytest.mark.parametrize("kind", MODELS)
def test_the_second_call_changes_nothing(kind):
    model = MODELS[kind]()
    for batchnorm in MODES:
        freeze(model, until=0.5, batchnorm=batchnorm)
        assert freeze(model, until=0.5, batchnorm=batchnorm) == Change([], [])
        unfreeze(model, above=2, batchnorm=batchnorm)
        assert unfreeze(model, above=2, batchnorm=batchnorm) == Change([], [])


@once
def test_freeze_moves_between_the_modes_of_batchnorm():
    model = chain(*body("a"), head())
    bns, rest = ["a_bn1", "a_bn2"], ["a_conv1", "a_conv2"]
    assert freeze(model, "a_bn2") == Change(["a_conv1", "a_bn1", "a_conv2", "a_bn2"], [])
    assert freeze(model, "a_bn2", "affine_only") == Change([], bns)
    assert freeze(model, "a_bn2", "train") == Change(bns, bns)
    assert freeze(model, "a_bn2", "inference") == Change(bns, [])
    assert [path for path, on in trains(model).items() if not on] == sorted(bns + rest, key=order)


def order(name):
    return [layer.name for layer in body("a")].index(name)


@pytest.mark.parametrize("batchnorm", MODES)
def test_unfreeze_reaches_into_a_frozen_parent_and_lowers_nothing_below(batchnorm):
    model = chain(chain(*body("a"), name="base"), head())
    model.get_layer("base").trainable = False
    model.get_layer("base").get_layer("a_conv1").trainable = True
    change = unfreeze(model, above="base/a_bn1", batchnorm=batchnorm)
    bn = [] if batchnorm == "inference" else ["base/a_bn2"]
    assert change == Change([], ["base/a_conv2", *bn])
    names = {"base/a_conv1", "base/a_conv2", "head", *bn}
    assert {path for path, on in trains(model).items() if on} == names
    assert model.get_layer("base").trainable
    moved = dict(zip([w.path for w in model.weights], what_moves(model), strict=True))
    assert moved["a_conv2/kernel"] and moved["a_conv1/kernel"]
    assert not moved["a_bn1/gamma"] and not moved["a_bn1/moving_mean"]
    assert moved["a_bn2/gamma"] == bool(bn)
    assert moved["a_bn2/moving_mean"] == (batchnorm == "train")


@once
def test_unfreeze_raises_the_flag_of_a_frozen_model_without_its_layers():
    model = chain(*body("a"), head())
    model.trainable = False
    unfreeze(model, above="a_bn2")
    assert [path for path, on in trains(model).items() if on] == ["head"]


@once
def test_a_frozen_base_answers_to_keras_own_switch():
    model = chain(chain(*body("a"), name="base"), head())
    freeze(model, until="base")
    assert not model.get_layer("base").trainable
    model.get_layer("base").trainable = True
    assert all(trains(model).values())


@once
def test_statistics_frozen_on_their_own_stay_so_until_they_shall_train():
    model = chain(*body("a"), head())
    freeze_statistics(model)
    freeze(model, until="a_bn2")
    unfreeze(model, above=0, batchnorm="affine_only")
    assert not any(row["statistics"] for row in trainable_table(model).rows)
    unfreeze(model, above=0, batchnorm="train")
    assert all(row["statistics"] is not False for row in trainable_table(model).rows)


@once
def test_a_frozen_layer_stays_the_object_it_was():
    model = MODELS["custom"]()
    layer, variables = model.layers[1], list(model.variables)
    freeze(model, until=1.0, batchnorm="train")
    assert model.layers[1] is layer
    assert type(layer).__name__ == "Block" and isinstance(layer, layers.Layer)
    assert all(a is b for a, b in zip(model.variables, variables, strict=True))


@once
@pytest.mark.parametrize("kind", ["functional", "custom", "subclassed"])
def test_weights_files_fit_frozen_and_unfrozen_models(kind, tmp_path):
    model, frozen = MODELS[kind](), MODELS[kind]()
    freeze(frozen, until=1.0, batchnorm="affine_only")
    frozen.save_weights(tmp_path / "x.weights.h5")
    model.load_weights(tmp_path / "x.weights.h5")
    x = np.ones((2, *SHAPE), "float32")
    np.testing.assert_allclose(model.predict(x, verbose=0), frozen.predict(x, verbose=0), atol=1e-6)


@once
@pytest.mark.parametrize(
    "change",
    [
        lambda model: freeze(model, until=1),
        lambda model: unfreeze(model, above=0),
        lambda model: freeze_statistics(model),
    ],
)
def test_a_compiled_model_asks_for_compile(change):
    model = chain(*body("a"), head())
    model.trainable = False
    unfreeze(model, above=0, batchnorm="train")
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="compile") as caught:
        change(model)
    assert caught[0].filename == __file__


@once
def test_no_change_no_warning(recwarn):
    model = chain(*body("a"), head())
    model.compile("sgd", "mse")
    freeze(model, until=0)
    assert not recwarn.list


@once
def test_the_table_warns_of_flags_that_fit_does_not_know(recwarn):
    model = chain(*body("a"), head())
    x = np.zeros((4, *model.input_shape[1:]))
    y = np.zeros((4, *model.output_shape[1:]))

    def fitted():
        model.compile("sgd", "mse", jit_compile=False)
        trainable_table(model)
        model.fit(x, y, verbose=0)

    fitted()
    trainable_table(model)
    assert not [each for each in recwarn.list if "compile" in str(each.message)]
    for trainable in (False, True):
        model.get_layer("a_conv2").trainable = trainable
        with pytest.warns(UserWarning, match="a_conv2/kernel.*compile"):
            trainable_table(model)
        recwarn.clear()
        fitted()
        assert not [each for each in recwarn.list if "compile" in str(each.message)]


@once
def test_the_table_says_what_trains():
    model = chain(*body("a"), head())
    freeze(model, until="a_conv2", batchnorm="affine_only")
    table = trainable_table(model)
    assert table.rows[1] == {
        "path": "a_bn1",
        "layer_class": "BatchNormalization",
        "trainable": True,
        "statistics": False,
        "parameters": 24,
        "trainable_parameters": 12,
    }
    assert [row["statistics"] for row in table.rows] == [None, False, None, True, None]
    total = sum(row["trainable_parameters"] for row in table.rows)
    assert total == sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    lines = str(table).splitlines()
    assert len(lines) == len(table.rows) + 2 and len({len(line) for line in lines}) == 1


@once
def test_an_unbuilt_model_is_refused():
    model = keras.Sequential([layers.Dense(2, name="first")])
    for call in (lambda: freeze(model, until=1), lambda: trainable_table(model)):
        with pytest.raises(ValueError, match="batch first"):
            call()
    assert model.layers[0].trainable
