"""GradualUnfreezing, LearningRateFinder and l2_sp in `fit`."""

import keras
import numpy as np
import pytest
from backends import once
from keras import ops

from kerasnorm.transfer import (
    GradualUnfreezing,
    LayerwiseLearningRate,
    LearningRateFinder,
    l2_sp,
    layer_decay,
)

# XLA takes longer to compile a step than to make these
JIT = "auto" if keras.config.backend() == "jax" else False
X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = X @ np.float32([[1, 2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 3], [1, 0, 0, 1]])
NAMES = ("low", "middle", "head")


def network(**kwargs):
    keras.utils.set_random_seed(2)
    return keras.Sequential(
        [keras.Input((4,)), *(keras.layers.Dense(4, name=name, **kwargs) for name in NAMES)]
    )


def fit(model, epochs, *callbacks, **kwargs):
    model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=[*callbacks], **kwargs)


class Moved(keras.callbacks.Callback):
    """Records which layers moved in each epoch."""

    def on_train_begin(self, logs=None):
        self.epochs, self.before = [], self.weights()

    def weights(self):
        return [layer.get_weights()[0] for layer in self.model.layers]

    def on_epoch_end(self, epoch, logs=None):
        now = self.weights()
        pairs = zip(NAMES, now, self.before, strict=True)
        self.epochs.append({name for name, a, b in pairs if not np.array_equal(a, b)})
        self.before = now


@pytest.mark.parametrize(("every", "policy"), [(1, "float32"), (2, "mixed_float16")])
def test_gradual_unfreezing_frees_a_step_every_few_epochs(every, policy):
    keras.config.set_dtype_policy(policy)
    model, moved = network(), Moved()
    rates = layer_decay(model, 0.5)
    model.compile(LayerwiseLearningRate("adam", rates), "mse", jit_compile=JIT)
    fit(model, 6, GradualUnfreezing(rates, every), moved)
    steps = [{"head"}, {"head", "middle"}, set(NAMES)]
    assert moved.epochs == [steps[min(epoch // every, 2)] for epoch in range(6)]


def test_gradual_unfreezing_goes_on_after_a_break(tmp_path):
    model = network()
    rates = layer_decay(model, 0.5)
    model.compile(LayerwiseLearningRate("sgd", rates), "mse", jit_compile=JIT)
    fit(model, 1, GradualUnfreezing(rates))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    moved = Moved()
    fit(again, 3, GradualUnfreezing(layer_decay(again, 0.5)), moved, initial_epoch=1)
    assert moved.epochs == [{"head", "middle"}, set(NAMES)]
    assert list(again.optimizer.multipliers.values()) == [0.25, 0.5, 1]


def test_the_finder_records_batch_losses_and_undoes_the_training():
    model = network()
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=JIT)
    fit(model, 1)
    variables = [*model.variables, *model.optimizer.variables]
    before = [ops.convert_to_numpy(variable).copy() for variable in variables]
    finder = LearningRateFinder(1e-6, 1e3, steps=60)
    fit(model, 20, finder, shuffle=False)
    assert 10 <= len(finder.rates) == len(finder.losses) < 60  # it stopped when the loss exploded
    np.testing.assert_allclose(np.diff(np.log(finder.rates)), np.log(1e9) / 59)
    first = np.mean(np.square(ops.convert_to_numpy(model(X[:8])) - Y[:8]))
    assert finder.losses[0] == pytest.approx(first, rel=1e-4)
    # at 1e-6 nothing has moved yet, so the next batches' losses are known too
    third = np.mean(np.square(ops.convert_to_numpy(model(X[16:24])) - Y[16:24]))
    assert finder.losses[2] == pytest.approx(third, rel=1e-4)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(variable), value)


def test_the_finders_suggestion_learns_and_is_plotted():
    model = network()
    model.compile("sgd", "mse", jit_compile=JIT)
    finder = LearningRateFinder(1e-6, 10)
    fit(model, 20, finder)
    axes = finder.plot()
    assert axes.get_xscale() == "log" and len(axes.lines) == 3
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), finder.losses)
    start = model.evaluate(X, Y, verbose=0)
    model.optimizer.learning_rate = finder.suggestion
    fit(model, 5)
    assert model.evaluate(X, Y, verbose=0) < 0.5 * start


@once
def test_the_finder_keeps_the_ratios_of_layers():
    model = network()
    optimizer = LayerwiseLearningRate("sgd", layer_decay(model, 0.5))
    model.compile(optimizer, "mse", jit_compile=JIT)
    fit(model, 20, LearningRateFinder())
    assert list(optimizer.multipliers.values()) == [0.25, 0.5, 1]
    assert float(optimizer.learning_rate) == pytest.approx(0.01)


@once
def test_no_suggestion_where_nothing_falls():
    model = network()
    model.compile("sgd", lambda y, p: 1 + 0 * p, jit_compile=JIT)
    finder = LearningRateFinder(steps=20)
    fit(model, 20, finder)
    with pytest.raises(ValueError, match="did not fall"):
        finder.suggestion  # noqa: B018
    assert len(finder.plot().lines) == 2


@pytest.mark.parametrize("compiled", [False, True])
def test_l2_sp_is_the_gradient_towards_the_start(compiled):
    """Without a loss of its own, w goes to w⁰ by (1 − lr·α) a step."""
    model = network(kernel_regularizer=keras.regularizers.L2(0.0))
    start = model.get_weights()
    if compiled:  # what was traced before knows nothing of it
        model.compile(keras.optimizers.SGD(0.0), lambda y, p: 0 * p, jit_compile=JIT)
        fit(model, 1)
    assert len(l2_sp(model, 0.5, where="^(?!.*head)")) == 4
    for variable in model.trainable_variables:
        variable.assign_add(ops.ones(variable.shape))
    if not compiled:
        model.compile(keras.optimizers.SGD(0.1), lambda y, p: 0 * p, jit_compile=JIT)
    else:
        model.optimizer.learning_rate = 0.1
    fit(model, 1)  # 8 steps
    for index, (got, first) in enumerate(zip(model.get_weights(), start, strict=True)):
        expected = first + (1 if index >= 4 else (1 - 0.1 * 0.5) ** 8)
        np.testing.assert_allclose(got, expected, atol=1e-5)


def penalty(model):
    return ops.convert_to_numpy(sum(model.losses))


def test_l2_sp_starts_anew_and_ends_and_keeps_other_regularizers():
    model = network(kernel_regularizer=keras.regularizers.L2(0.1))
    own = penalty(model)
    l2_sp(model, 1.0)
    model.layers[0].bias.assign(ops.ones(4))
    assert penalty(model) == pytest.approx(own + 0.5 * 4, rel=1e-5)
    l2_sp(model, 1.0)
    assert penalty(model) == pytest.approx(own, rel=1e-5)
    l2_sp(model, 0)
    assert penalty(model) == pytest.approx(own, rel=1e-5)


def compiled(optimizer):
    model = network()
    model.compile(optimizer, "mse", jit_compile=JIT)
    return model


DECAY = {"low": 0.5, "middle|head": 1}
SCHEDULE = keras.optimizers.schedules.CosineDecay(0.1, 10)
REFUSED = {
    "one step": (lambda: GradualUnfreezing({"a": 1, "b": 1}), "at least two values"),
    "every": (lambda: GradualUnfreezing(DECAY, 0), "`every`"),
    "negative": (lambda: GradualUnfreezing({"a": -1, "b": 1}), "a multiplier"),
    "plain optimizer": (
        lambda: fit(compiled("sgd"), 1, GradualUnfreezing(DECAY)),
        "LayerwiseLearningRate.*SGD",
    ),
    "other keys": (
        lambda: fit(compiled(LayerwiseLearningRate("sgd", {}, 1)), 1, GradualUnfreezing(DECAY)),
        "`key` should be one of",
    ),
    "range": (lambda: LearningRateFinder(1, 0.1), "highest"),
    "steps": (lambda: LearningRateFinder(steps=3), "`steps`"),
    "schedule": (
        lambda: fit(compiled(keras.optimizers.SGD(SCHEDULE)), 1, LearningRateFinder()),
        "without a schedule",
    ),
    "no batches": (lambda: LearningRateFinder().suggestion, "at least 10 batches"),
    "no plot": (lambda: LearningRateFinder().plot(), "at least 10 batches"),
    "alpha": (lambda: l2_sp(network(), -1), "`alpha`"),
    "no match": (lambda: l2_sp(network(), 1, "nothing"), "matches no trainable"),
    "no regex": (lambda: l2_sp(network(), 1, "("), "should be a regex"),
}


@once
@pytest.mark.parametrize("case", REFUSED)
def test_wrong_input_is_refused(case):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()
