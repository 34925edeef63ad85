from typing import Any

import keras

from kerasnorm._validation import as_int
from kerasnorm.backend.engine import resolve_jit
from kerasnorm.data import check_range, read_classes
from kerasnorm.imbalance.losses import LabelCrossentropy
from kerasnorm.imbalance.sampling import resample
from kerasnorm.models import copy_model, gives_logits, is_graph, last_layer, sublayers
from kerasnorm.transfer.fine_tuning import is_plain, solve_into

_EPOCHS = 10


def retrain_classifier(
    model: keras.Model,
    x: Any,
    y: Any,
    epochs: int | None = None,
    optimizer: Any = "adam",
    loss: Any = None,
    *,
    strategy: str = "class_balanced",
    batch_size: int = 32,
    seed: int = 0,
    verbose: str | int = "auto",
) -> keras.Model:
    """Retrains the last layer of a copy on balanced classes ("cRT").

    A long tail harms the classifier more than the features: train both on the data as they are,
    then only the classifier on balanced classes. The features are computed once, in inference
    mode.

    Args:
        model: Trained functional or Sequential model that ends in a layer with weights, such as
            Dense or `CosineDense`, and perhaps an activation.
        x: Inputs of N examples, as for `predict`.
        y: Class of each example, (N,), (N, 1), or one-hot (N, K); with your own `loss`, in the form
            that it expects.
        epochs: Number of passes over N drawn examples. None solves a Dense layer with `solve_head`
            and removes the prior of the classes; if the last layer is another one, or a `loss` or
            `strategy` is given, it trains for 10 epochs. Defaults to None.
        optimizer: As in `compile`.
        loss: As in `compile`; by default sparse cross-entropy.
        strategy: Strategy of `resample`. Defaults to "class_balanced".
        batch_size: Examples per batch. Defaults to 32.
        seed: Seed of the sampling. Initial weights follow `keras.utils.set_random_seed`. Defaults
            to 0.
        verbose: As in `Model.fit`.

    Returns:
        An uncompiled model with the features and flags of the given one, which is unchanged.

    Raises:
        ValueError: If the model ends in another layer, has no graph or cannot be copied, or
            `resample` cannot draw from the examples.

    Example:

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu")])
    >>> model.add(keras.layers.Dense(2))
    >>> x, y = np.random.default_rng(0).normal(size=(40, 4)), np.repeat([0, 1], [36, 4])
    >>> retrained = retrain_classifier(model, x, y, epochs=1, verbose=0)
    >>> bool((retrained.get_weights()[0] == model.get_weights()[0]).all())
    True

    See also:
        `adjust_logits` and `tau_normalize`, which do not train.

    Reference:
        Kang et al., 2020, Decoupling representation and classifier for long-tailed recognition,
        https://arxiv.org/abs/1910.09217
    """
    passes = _EPOCHS if epochs is None else as_int("epochs", epochs, low=1)
    _check(model)
    copy = copy_model(model)
    solved = epochs is None and loss is None and strategy == "class_balanced"
    if loss is None:
        units = copy.output_shape[-1]
        cross_entropy = keras.losses.SparseCategoricalCrossentropy
        cross_entropy = LabelCrossentropy if units == 1 else cross_entropy
        loss = cross_entropy(from_logits=gives_logits(copy))
        y = read_classes(y, "y")
        check_range(y, max(units, 2), "y", "These are the model's outputs.")
    head = last_layer(copy)
    activations = copy.layers[copy.layers.index(head) + 1 :]
    base = keras.Model(copy.inputs, head.input)
    base.compile(jit_compile=resolve_jit("auto"))
    features = base.predict(x, batch_size=batch_size, verbose=0)
    if solved and is_plain(head) and features.ndim == 2:
        solve_into(copy, features, y, None, None)
        return copy
    fresh = type(head).from_config(head.get_config())
    fresh.trainable = True
    classifier = keras.Sequential([keras.Input(features.shape[1:]), fresh, *activations])
    classifier.compile(optimizer, loss)
    drawn = resample((features, y), strategy, batch_size=batch_size, seed=seed)
    classifier.fit(drawn, epochs=passes, shuffle=False, verbose=verbose)
    head.set_weights(fresh.get_weights())
    return copy


def _check(model: keras.Model) -> None:
    if isinstance(model, keras.Model) and is_graph(model) and len(model.outputs) == 1:
        head = last_layer(model)
        if head.weights and not sublayers(head):
            return
    raise ValueError(
        "`model` should be a functional or Sequential model of one output that ends in a layer "
        f"with weights, such as Dense, and perhaps an activation. Received: {model!r}."
    )
