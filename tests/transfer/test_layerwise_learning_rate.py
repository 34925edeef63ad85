"""A rate per layer against separate optimizers, which know nothing of each other."""

import json
import re

import keras
import numpy as np
import pytest
from backends import once
from keras import ops, optimizers
from keras_versions import MUON_APPLIES
from replicas import two_replicas

from kerasnorm.transfer import LayerwiseLearningRate

# XLA takes longer to compile a step than to make twenty
JIT = "auto" if keras.config.backend() == "jax" else False
MULTIPLIERS = {"low": 0.1, "middle": 0.5, "head": 1.0}
X, Y = np.random.default_rng(0).normal(size=(2, 64, 6)).astype("float32")


class Separate(optimizers.Optimizer):
    """The oracle: an optimizer for each layer, and clipping over all of them by hand."""

    def __init__(self, make, rates, clip=None):
        super().__init__(learning_rate=0.0)
        self.parts = {name: make(rate) for name, rate in rates.items()}
        self.clip = clip

    def build(self, variables):
        super().build(variables)
        for name, part in self.parts.items():
            part.build([v for v in variables if name in v.path])

    @property
    def variables(self):
        return self._variables + [v for part in self.parts.values() for v in part.variables]

    def apply(self, grads, trainable_variables=None):
        variables = trainable_variables or self._trainable_variables
        if self.clip:
            norm = ops.sqrt(sum(ops.sum(ops.square(g)) for g in grads))
            grads = [g * ops.minimum(1.0, self.clip / norm) for g in grads]
        for name, part in self.parts.items():
            own = [(g, v) for g, v in zip(grads, variables, strict=True) if name in v.path]
            part.apply(*map(list, zip(*own, strict=True)))

    def finalize_variable_values(self, var_list):
        for name, part in self.parts.items():
            part.finalize_variable_values([v for v in var_list if name in v.path])


def network(kernel_constraint=None):
    keras.utils.set_random_seed(1)
    layers = [
        keras.layers.Dense(8, "tanh", name="low", kernel_constraint=kernel_constraint),
        keras.layers.Dense(8, "tanh", name="middle"),
        keras.layers.Dense(6, name="head", dtype="float32"),
    ]
    return keras.Sequential([keras.Input((6,)), *layers])


def train(model, optimizer, steps=8, jit_compile=JIT, eagerly=False, **kwargs):
    eagerly = eagerly and keras.config.backend() == "tensorflow"
    model.compile(optimizer, "mse", jit_compile=jit_compile, run_eagerly=eagerly)
    rows = slice(8 * steps)
    model.fit(X[rows], Y[rows], batch_size=8, shuffle=False, verbose=0, **kwargs)
    return model.get_weights()


def train_briefly(model, optimizer, **kwargs):
    """The same for a few steps, which do not pay for a trace."""
    return train(model, optimizer, steps=3, eagerly=True, **kwargs)


def stepped(optimizer, model=None, steps=4):
    """Returns the weights after steps of random gradients, without a model that gives them."""
    model, rng = model or network(), np.random.default_rng(2)
    variables = model.trainable_variables
    optimizer.build(variables)
    for _ in range(steps):
        gradients = [rng.normal(size=v.shape).astype("float32") for v in variables]
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients], variables)
    return model.get_weights()


RULES = {
    "momentum": lambda rate, **kw: optimizers.SGD(rate, momentum=0.9, **kw),
    "nesterov": lambda rate, **kw: optimizers.SGD(rate, momentum=0.9, nesterov=True, **kw),
    "adam": lambda rate, **kw: optimizers.Adam(rate, **kw),
    "adamw": lambda rate, **kw: optimizers.AdamW(rate, weight_decay=0.1, **kw),
    "nadam": lambda rate, **kw: optimizers.Nadam(rate, **kw),
    "rmsprop": lambda rate, **kw: optimizers.RMSprop(rate, momentum=0.5, centered=True, **kw),
    "lion": lambda rate, **kw: optimizers.Lion(rate, weight_decay=0.1, **kw),
    "adafactor": lambda rate, **kw: optimizers.Adafactor(rate, **kw),
}
if MUON_APPLIES:
    RULES["muon"] = lambda rate, **kw: optimizers.Muon(rate, exclude_layers=["head"], **kw)
RATES = {name: 0.02 * multiplier for name, multiplier in MULTIPLIERS.items()}


def assert_same(ours, theirs, atol=1e-5):
    for got, want in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=atol)


@pytest.mark.parametrize("rule", RULES)
def test_steps_are_those_of_separate_optimizers(rule):
    layerwise = LayerwiseLearningRate(RULES[rule](0.02), MULTIPLIERS)
    assert_same(stepped(layerwise), stepped(Separate(RULES[rule], RATES)))


def test_accumulated_steps_are_those_of_separate_optimizers():
    def make(rate):
        return optimizers.AdamW(rate, weight_decay=0.1, gradient_accumulation_steps=2)

    layerwise = LayerwiseLearningRate(make(0.02), MULTIPLIERS)
    assert_same(train(network(), layerwise), train(network(), Separate(make, RATES)))


def test_schedule_average_and_global_norm_are_those_of_all_layers():
    averaged = {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3}

    def make(multiplier, **kwargs):
        schedule = optimizers.schedules.CosineDecay(0.5 * multiplier, 10)
        return optimizers.SGD(schedule, momentum=0.9, weight_decay=0.1, **averaged, **kwargs)

    layerwise = LayerwiseLearningRate(make(1, global_clipnorm=0.1), MULTIPLIERS)
    got = train(network(), layerwise, jit_compile="auto")
    assert_same(got, train(network(), Separate(make, MULTIPLIERS, clip=0.1)))


def test_the_loss_scale_goes_around():
    keras.config.set_dtype_policy("mixed_float16")
    scaled = optimizers.LossScaleOptimizer
    expected = train_briefly(network(), scaled(Separate(optimizers.Adam, RATES)))
    model = network()
    got = train_briefly(model, LayerwiseLearningRate(optimizers.Adam(0.02), MULTIPLIERS))
    assert isinstance(model.optimizer, scaled)
    assert_same(got, expected)


def test_callbacks_move_the_base_rate_and_keep_the_ratios():
    keras.config.set_dtype_policy("mixed_float16")  # through Keras' optimizer around ours
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    model, optimizer = network(), LayerwiseLearningRate(optimizers.SGD(0.5), MULTIPLIERS)
    plateau = keras.callbacks.ReduceLROnPlateau("loss", 0.1, patience=1, min_delta=1e9)
    train_briefly(model, optimizer, epochs=3, callbacks=[halve, plateau])
    # halved three times; the plateau, which counts from the second epoch, comes after two and three
    for each in (model.optimizer, optimizer):
        assert float(each.learning_rate) == pytest.approx(0.5 / 8 / 100, rel=1e-5)
    assert optimizer.multipliers == pytest.approx(MULTIPLIERS)


class Unfreeze(keras.callbacks.Callback):
    """Sets multipliers at the ends of epochs."""

    def __init__(self, values):
        super().__init__()
        self.values, self.seen = values, []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self.model.get_layer("low").get_weights())
        if epoch < len(self.values):
            optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
            optimizer.set_multiplier("low", self.values[epoch])


FREEZABLE = {
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1),
    "average": lambda: optimizers.SGD(
        0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3
    ),
}


@pytest.mark.parametrize("rule", FREEZABLE)
def test_a_multiplier_of_0_moves_no_bit_and_unfreezes_without_compiling(rule):
    model = network("unit_norm")
    before = model.get_layer("low").get_weights()
    optimizer = LayerwiseLearningRate(FREEZABLE[rule](), {"low": 0, "middle|head": 1})
    watch = Unfreeze([0, 1, 0, 0])
    train(model, optimizer, epochs=5, callbacks=[watch])
    equal = [
        all(np.array_equal(*pair) for pair in zip(a, b, strict=True))
        for a, b in zip([before, *watch.seen], watch.seen, strict=False)
    ]
    assert equal == [True, True, False, True, True]


def test_a_frozen_layers_moments_go_on():
    """As at a rate of 0: unfrozen after an epoch, Adam's first steps are no cold start."""
    optimizer = LayerwiseLearningRate(optimizers.Adam(0.01), {"low": 0, "middle|head": 1})
    stepped(optimizer)
    moments = [v for v in optimizer.variables if "low" in v.path and "velocity" in v.path]
    assert moments and all(np.abs(ops.convert_to_numpy(v)).max() > 0 for v in moments)


def test_layers_are_keys_and_need_no_names():
    model = network()
    rates = dict(zip(model.layers, MULTIPLIERS.values(), strict=True))
    by_layer = stepped(LayerwiseLearningRate(optimizers.Adam(0.02), rates), model)
    by_name = stepped(LayerwiseLearningRate(optimizers.Adam(0.02), MULTIPLIERS))
    assert all(map(np.array_equal, by_layer, by_name))


def built(multipliers, default=None, optimizer=None):
    optimizer = LayerwiseLearningRate(optimizer or optimizers.SGD(0.1), multipliers, default)
    optimizer.build(network().trainable_variables)
    return optimizer


REFUSED = {
    "unmatched": (lambda: built({"low": 1}), "No multiplier matches .*middle"),
    "doubly": (lambda: built({"low": 1, "l|head": 1}), "several for .*low"),
    "idle": (lambda: built({"low": 1, "nothing": 1}, default=1), "No trainable .*'nothing'"),
    "unbuilt": (lambda: built({keras.layers.Dense(2, name="x"): 1}), "'x' has no variables"),
    "foreign": (lambda: built({network().layers[0]: 1}, default=1), "layer 'low'"),
    "negative": (lambda: built({"low": -1}), "a multiplier"),
    "nan": (lambda: built({"low": float("nan")}), "a multiplier"),
    "text": (lambda: built({"low": "1"}), "a multiplier"),
    "default": (lambda: built({"low": 1}, default=-1), "default"),
    "no dict": (lambda: built([("low", 1)]), "`multipliers` should be a dict"),
    "no key": (lambda: built({1: 1}), "regexes or layers"),
    "no regex": (lambda: built({"(": 1}), "is not a regex"),
    "scaled": (lambda: built({}, 1, optimizers.LossScaleOptimizer(optimizers.SGD())), "plain"),
    "used": (lambda: built({}, 1, built({}, 1).optimizer), "new one"),
    "unknown key": (lambda: built({}, 1).set_multiplier("low", 1), "`key` should be one of"),
    "value": (lambda: built({"low": 1}, 1).set_multiplier("low", -1), "value"),
}


@once
@pytest.mark.parametrize("case", REFUSED)
def test_wrong_input_is_refused(case):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_fit_refuses_what_matches_nothing():
    with pytest.raises(ValueError, match=r"No multiplier matches .*middle"):
        train(network(), LayerwiseLearningRate("sgd", {"low": 1}))


@once
@pytest.mark.parametrize("name", ["Ftrl", "ScheduleFreeAdamW"])
def test_optimizers_that_forget_are_warned_about(name):
    if not hasattr(optimizers, name):
        pytest.skip("this version of Keras does not have it")
    with pytest.warns(UserWarning, match=f"{name} .* pretrained weights"):
        LayerwiseLearningRate(getattr(optimizers, name)(1e-6), {"low": 1}, default=1)


@pytest.mark.distributed
@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="replicas of tf.distribute")
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_replicas_go_the_same_steps_as_one(policy):
    keras.config.set_dtype_policy(policy)
    make = RULES["adamw" if policy == "float32" else "momentum"]
    expected = train_briefly(network(), LayerwiseLearningRate(make(0.02), MULTIPLIERS))
    strategy = two_replicas()
    with strategy.scope():
        model, optimizer = network(), LayerwiseLearningRate(make(0.02), MULTIPLIERS)
    got = train(model, optimizer, steps=3)
    assert_same(got, expected, 1e-5 if policy == "float32" else 2e-4)
    optimizer.set_multiplier("low", 0)
    before = model.get_layer("low").get_weights()
    model.fit(X[:24], Y[:24], batch_size=8, verbose=0)  # no other graph than before
    assert all(map(np.array_equal, model.get_layer("low").get_weights(), before))


def test_a_default_for_all_others():
    model = network()
    before = model.get_weights()
    optimizer = LayerwiseLearningRate(optimizers.SGD(0.1), {"head": 1}, default=0)
    moved = [
        not np.array_equal(*pair) for pair in zip(stepped(optimizer, model), before, strict=True)
    ]
    assert moved == [False] * 4 + [True] * 2
    assert optimizer.multipliers == {"head": 1.0}


@once
def test_config_round_trip():
    config = built({"low": 0.1}, default=1).get_config()
    assert LayerwiseLearningRate.from_config(config).get_config() == config


def test_averaged_weights_can_be_swapped_in():
    """Keras' callback finds the averages of the optimizer inside, at mixed precision too."""
    keras.config.set_dtype_policy("mixed_float16")
    averaged = {"use_ema": True, "ema_momentum": 0.5}

    def trained(optimizer):
        swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
        return train_briefly(network(), optimizer, epochs=2, callbacks=[swap])

    plain = trained(optimizers.SGD(0.1, **averaged))
    ours = trained(LayerwiseLearningRate(optimizers.SGD(0.1, **averaged), {"": 1}))
    for a, b in zip(ours, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4)
    with pytest.raises(ValueError, match="use_ema"):
        trained(LayerwiseLearningRate(optimizers.SGD(0.1), {"": 1}))


@once
@pytest.mark.parametrize("flags", [re.IGNORECASE, re.VERBOSE, re.IGNORECASE | re.VERBOSE, 0])
def test_the_flags_of_a_compiled_regex_are_kept(flags):
    text = "LOW | Middle  # all below" if flags & re.VERBOSE else "LOW|Middle"
    key = re.compile(text if flags & re.IGNORECASE else text.lower(), flags)
    optimizer = built({key: 0.5, "head": 1})
    optimizer.set_multiplier(key, 0.25)
    again = LayerwiseLearningRate.from_config(json.loads(json.dumps(optimizer.get_config())))
    assert sorted(again.multipliers.values()) == [0.25, 1]
