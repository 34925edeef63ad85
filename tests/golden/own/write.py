"""Writes the golden files of kerasnorm's own formats: `python tests/golden/own/write.py`.

The files in this folder were written before the package's modules were renamed. Do not write them
again: add a file for what is new. Tomorrow's code has to open yesterday's files.
"""

import json
import pathlib
import sys

import keras
import numpy as np
from keras import layers

import kerasnorm as kn
import kerasnorm.migrate._activations
import kerasnorm.migrate._addons_spectral_normalization
import kerasnorm.migrate._addons_tlu
from kerasnorm import imbalance, migrate, transfer

FOLDER = pathlib.Path(__file__).parent
IMAGE = (5, 4, 8)
COUNTS = (6, 3, 2)


def _layer(layer, shape=IMAGE):
    return keras.Sequential([keras.Input(shape), layer])


def _on_two(layer, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    return keras.Model(inputs, layer(inputs))


def _base():
    norm = kn.normalization
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(name="theirs"),
            layers.Conv2D(4, 3),
            norm.BatchNormalization(name="ours"),
            layers.GlobalAveragePooling2D(),
        ],
        name="base",
    )


def _classifier(base=None):
    base = base or _base()
    inputs = keras.Input(base.input_shape[1:])
    return keras.Model(inputs, layers.Dense(3, name="head")(base(inputs)))


def _frozen(batchnorm):
    model = _classifier()
    transfer.freeze(model, "base", batchnorm=batchnorm)
    return model


def _frozen_statistics():
    model = _classifier()
    kn.freeze_statistics(model)
    return model


def _compiled(loss):
    model = keras.Sequential([keras.Input((4,)), imbalance.CosineDense(3, name="head")])
    rates = kn.LayerwiseLearningRate(keras.optimizers.Adam(1e-2), {"head": 0.5})
    metrics = [
        imbalance.BalancedAccuracy(3),
        imbalance.MacroF1(3),
        imbalance.PerClassRecall(3),
        imbalance.GroupAccuracy(COUNTS, many=5, few=3),
    ]
    model.compile(rates, loss, metrics=metrics)
    return model


def _contours():
    model = keras.Sequential([keras.Input((6, 6, 2)), layers.Conv2D(1, 1)])
    model.compile(
        "sgd",
        imbalance.ClassBalancedBinaryCrossentropy(),
        metrics=[imbalance.BoundaryFScore(from_logits=True)],
    )
    return model


def _addons():
    """What `load_tfa_model` makes of layers that Keras 3 has not, or has otherwise."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(8, activation=migrate.activations.gelu_tanh),
            migrate.addons_tlu.AddonsTLU(),
            migrate.addons_spectral_normalization.AddonsSpectralNormalization(layers.Dense(6)),
            layers.Dense(5, activation=migrate.activations.hard_sigmoid_of_keras_2),
            layers.Dense(4, activation=migrate.activations.sparsemax),
        ]
    )


def _several_labels():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.compile("sgd", imbalance.AsymmetricLoss())
    return model


def _labels_and_their_precision():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    loss = imbalance.LabelCrossentropy(gamma=1, label_weights=[[1, 2], [3, 1], [1, 5]])
    model.compile("sgd", loss, metrics=[imbalance.AveragePrecision(3)])
    return model


def _layers():
    norm = kn.normalization
    yield "batch", _layer(norm.BatchNormalization())
    yield "batch_no_estimates", _layer(norm.BatchNormalization(track_statistics=False))
    yield "batch_ghost", _layer(norm.BatchNormalization(virtual_batch_size=2, unbiased=True))
    yield "sync_batch", _layer(norm.SyncBatchNormalization())
    yield "layer", _layer(norm.LayerNormalization())
    yield "layer_of_axes", _layer(norm.LayerNormalization(axis=(3, 1, -2)))
    yield "layer_of_a_shape", _layer(norm.LayerNormalization(normalized_shape=(8,)))
    yield "instance", _layer(norm.InstanceNormalization())
    yield "instance_estimates", _layer(norm.InstanceNormalization(track_statistics=True))
    yield "group", _layer(norm.GroupNormalization(groups=4))
    yield "group_of_a_size", _layer(norm.GroupNormalization(group_size=2))
    yield "group_per_channel", _layer(norm.GroupNormalization(groups=-1))
    yield "filter_response", _layer(norm.FilterResponseNormalization(learned_epsilon=True))
    yield "tlu", _layer(norm.TLU())
    yield "switchable", _layer(norm.SwitchableNormalization())
    yield "adaptive", _on_two(norm.AdaptiveInstanceNormalization(), IMAGE, IMAGE)
    yield "conditional", _on_two(norm.ConditionalInstanceNormalization(3), IMAGE, (3,))
    yield (
        "conv_group",
        _layer(
            norm.ConvNormActivation(
                4, 3, normalization={"class_name": "group", "config": {"groups": 2}}, pool="max"
            )
        ),
    )
    yield "conv_batch", _layer(norm.ConvNormActivation(4, 3, activation="gelu"))
    yield "lstm_cell", _layer(layers.RNN(norm.LayerNormLSTMCell(3)), (5, 2))
    yield "gru_cell", _layer(layers.RNN(norm.LayerNormGRUCell(3)), (5, 2))
    yield "weight", _layer(norm.WeightNormalization(layers.Conv2D(4, 3)))
    yield "spectral", _layer(norm.SpectralNormalization(layers.Conv2D(4, 3)))
    yield "standardized", _layer(norm.WeightStandardization(layers.Conv2D(4, 3)))


def _models():
    yield "frozen_inference", _frozen("inference")
    yield "frozen_affine_only", _frozen("affine_only")
    yield "frozen_train", _frozen("train")
    yield "frozen_statistics", _frozen_statistics()
    yield "synchronised", kn.convert_sync_batchnorm(_classifier())
    yield "replaced", kn.replace_normalization(_classifier(), "group", groups=2).model
    yield "prepared", kn.distribute.prepare(_classifier())
    yield "addons", _addons()
    yield "loss_balanced_softmax", _compiled(imbalance.BalancedSoftmax(COUNTS))
    yield "loss_logit_adjusted", _compiled(imbalance.LogitAdjusted(COUNTS, tau=0.5))
    yield "loss_ldam", _compiled(imbalance.LDAM(COUNTS))
    yield "loss_seesaw", _compiled(imbalance.Seesaw(3))
    yield "loss_focal", _compiled(imbalance.SparseFocalCrossentropy(alpha=[0.2, 0.3, 0.5]))
    yield "loss_lovasz", _compiled(imbalance.LovaszSoftmax())
    yield "loss_asymmetric", _several_labels()
    yield "loss_contours", _contours()
    yield "loss_labels", _labels_and_their_precision()


def _spread(model, rng):
    """Gives every weight a value of its own, so that no two may be exchanged."""
    for weight in model.weights:
        if keras.backend.is_float_dtype(weight.dtype):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))


def _inputs(model, rng):
    made = [rng.normal(size=(4, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]
    return made if len(made) > 1 else made[0]


def _labels(name, model, rng):
    shape = (4, *model.output_shape[1:])
    if name in ("loss_contours", "loss_asymmetric", "loss_labels"):
        return rng.integers(0, 2, shape).astype("float32")
    return np.arange(4) % 3


def write(name, model):
    rng = np.random.default_rng(list(name.encode()))
    _spread(model, rng)
    x = _inputs(model, rng)
    content = {"x": x} if not isinstance(x, list) else {f"x{i}": part for i, part in enumerate(x)}
    if model.compiled:
        content["labels"] = _labels(name, model, rng)
        logs = model.evaluate(x, content["labels"], verbose=0, return_dict=True)
        flat = {key: float(np.asarray(value)) for key, value in logs.items() if np.ndim(value) == 0}
        content["logs"] = json.dumps(flat)
    content["y"] = keras.ops.convert_to_numpy(model(x))
    content["trainable"] = len(model.trainable_weights)
    if model.compiled:
        model.optimizer.build(model.trainable_variables)
    model.save(FOLDER / f"{name}.keras")
    np.savez_compressed(FOLDER / f"{name}.npz", **content)


def main(names=()):
    for make in (_layers, _models):
        for name, model in make():
            if not names or name in names:
                write(name, model)
    recipe = kn.Recipe(
        "group",
        "fine_tune",
        "resample",
        loss="focal",
        correction="retrain_classifier",
        schedule="cosine",
        normalization_settings={"groups": 8},
        transfer_settings={"head_epochs": 2, "decay": 0.7, "batchnorm": "inference"},
        imbalance_settings={"strategy": "repeat_factor", "threshold": 0.1},
        optimizer_settings={"learning_rate": 1e-4},
        loss_settings={"gamma": 1.5},
    )
    (FOLDER / "recipe.json").write_text(recipe.to_json())


if __name__ == "__main__":
    main(sys.argv[1:])
