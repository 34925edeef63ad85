"""Best practices of ConvNet application, executable in Keras 3.

Three chapters that can be used alone, and one page that composes them:

- `kerasnorm.normalization`: the layers; `kerasnorm.surgery`: whole models;
- `kerasnorm.migrate`: models of TensorFlow Addons and Keras 2;
- `kerasnorm.transfer`: what trains and how fast, what will transfer and how well;
- `kerasnorm.imbalance`: count, weigh and resample the classes; losses, corrections, metrics;
- `kerasnorm.distribute`: the same `fit` on several devices and machines;
- `kerasnorm.recipe`: `Recipe`, `advise` and `fit`;
- `kerasnorm.tuning`: `search`, for the best of many recipes;
- `kerasnorm.testing`: `check_layer`, for whoever writes a layer.
"""

from kerasnorm import (
    distribute,
    imbalance,
    migrate,
    normalization,
    recipe,
    surgery,
    testing,
    transfer,
    tuning,
)
from kerasnorm.imbalance import (
    BalancedSoftmax,
    ClassCounts,
    ClassWeights,
    adjust_logits,
    class_weights,
    count_classes,
    resample,
)
from kerasnorm.migrate import fold_weight_norm, load_tfa_model, load_tfa_weights
from kerasnorm.normalization import (
    BatchNormalization,
    ConvNormActivation,
    GroupNormalization,
    InstanceNormalization,
    LayerNormalization,
    SyncBatchNormalization,
)
from kerasnorm.recipe import Recipe, Run, advise, fit
from kerasnorm.surgery import (
    convert_sync_batchnorm,
    fold_batchnorm,
    freeze_statistics,
    inspect,
    recompute_statistics,
    replace_normalization,
    revert_sync_batchnorm,
    unfreeze_statistics,
)
from kerasnorm.transfer import (
    LayerwiseLearningRate,
    fine_tune,
    freeze,
    layer_decay,
    probe_layers,
    rule_of_thumb,
    trainable_table,
    unfreeze,
)

__all__ = [
    "BalancedSoftmax",
    "BatchNormalization",
    "ClassCounts",
    "ClassWeights",
    "ConvNormActivation",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "LayerwiseLearningRate",
    "Recipe",
    "Run",
    "SyncBatchNormalization",
    "adjust_logits",
    "advise",
    "class_weights",
    "convert_sync_batchnorm",
    "count_classes",
    "distribute",
    "fine_tune",
    "fit",
    "fold_batchnorm",
    "fold_weight_norm",
    "freeze",
    "freeze_statistics",
    "imbalance",
    "inspect",
    "layer_decay",
    "load_tfa_model",
    "load_tfa_weights",
    "migrate",
    "normalization",
    "probe_layers",
    "recipe",
    "recompute_statistics",
    "replace_normalization",
    "resample",
    "revert_sync_batchnorm",
    "rule_of_thumb",
    "surgery",
    "testing",
    "trainable_table",
    "transfer",
    "tuning",
    "unfreeze",
    "unfreeze_statistics",
]
__version__ = "0.1.0"
