"""Describes the training settings of a file, which are dropped, and their replacements."""

from collections.abc import Iterator
from typing import Any

REPLACEMENTS = {
    "AdaBelief": "no successor; `keras.optimizers.Adam` is nearest",
    "AdamW": "`keras.optimizers.AdamW`",
    "COCOB": "no successor",
    "ConditionalGradient": "no successor; a constraint of the layer is nearest",
    "LAMB": "`keras.optimizers.Lamb`",
    "LazyAdam": "`keras.optimizers.Adam`, which updates the rows that an embedding used alone",
    "Lookahead": "no successor; `use_ema=True` of any optimizer is nearest",
    "MovingAverage": "`use_ema=True` of any optimizer",
    "MultiOptimizer": (
        "`kerasnorm.LayerwiseLearningRate`, or `keras.optimizers.MultiOptimizer` for different ones"
    ),
    "NovoGrad": "no successor; `keras.optimizers.AdamW` is nearest",
    "ProximalAdagrad": "`keras.optimizers.Adagrad` and an L1 regularizer",
    "RectifiedAdam": "`keras.optimizers.Adam` and a warmup",
    "SGDW": "`keras.optimizers.SGD(weight_decay=…)`",
    "SWA": "`keras.callbacks.SwapEMAWeights`, or `use_ema=True` of any optimizer",
    "Yogi": "no successor; `keras.optimizers.Adam(amsgrad=True)` is nearest",
    "ContrastiveLoss": "no successor: write it with keras.ops",
    "GIoULoss": "no successor: write it with keras.ops",
    "LiftedStructLoss": "no successor: write it with keras.ops",
    "NpairsLoss": "no successor: write it with keras.ops",
    "NpairsMultilabelLoss": "no successor: write it with keras.ops",
    "PinballLoss": "no successor: write it with keras.ops",
    "SigmoidFocalCrossEntropy": (
        "`keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True)`, whose value is the "
        "mean over the last axis where this one's is the sum: multiply it by the number of outputs"
    ),
    "SparsemaxLoss": "no successor: write it with keras.ops",
    "TripletHardLoss": "no successor: write it with keras.ops",
    "TripletSemiHardLoss": "no successor: write it with keras.ops",
    "WeightedKappaLoss": "no successor: write it with keras.ops",
    "CohenKappa": "no successor; scikit-learn's cohen_kappa_score after training",
    "F1Score": "`keras.metrics.F1Score`",
    "FBetaScore": "`keras.metrics.FBetaScore`",
    "GeometricMean": "no successor",
    "HammingLoss": "no successor; 1 − `keras.metrics.BinaryAccuracy` for several labels",
    "HarmonicMean": "no successor",
    "MatthewsCorrelationCoefficient": "no successor; scikit-learn's matthews_corrcoef",
    "MultiLabelConfusionMatrix": "no successor; scikit-learn's multilabel_confusion_matrix",
    "PearsonsCorrelation": "`keras.metrics.PearsonCorrelation`",
    "RSquare": "`keras.metrics.R2Score`",
}


def describe_dropped(training: dict[str, Any]) -> str | None:
    """Describes the loss, optimizer and metrics of a file, and their replacements.

    None if the file has none of them.
    """
    optimizer = training.get("optimizer_config") or training.get("optimizer")
    parts = {
        "loss": training.get("loss"),
        "optimizer": optimizer,
        "metrics": [training.get("metrics"), training.get("weighted_metrics")],
    }
    said = []
    for kind, saved in parts.items():
        names = list(dict.fromkeys(_names(saved)))
        if names:
            said.append(f"{kind} {', '.join(map(_with_replacement, names))}")
    if not said:
        return None
    return (
        "The model is loaded uncompiled, its optimizer's state is dropped: call `model.compile`. "
        f"It was compiled with {'; '.join(said)}."
    )


def _names(saved: Any) -> Iterator[str]:
    """Yields the names of what is in a structure of serialized objects."""
    if isinstance(saved, str):
        yield saved
    elif isinstance(saved, list):
        for item in saved:
            yield from _names(item)
    elif isinstance(saved, dict) and isinstance(saved.get("class_name"), str):
        config = saved.get("config")
        if saved["class_name"] in ("function", "MeanMetricWrapper") and config:
            yield from _names(config.get("fn") if isinstance(config, dict) else config)
            return
        yield saved["class_name"].rpartition(">")[2]
        for key in ("optimizer", "optimizer_specs"):
            if isinstance(config, dict):
                yield from _names(config.get(key))
    elif isinstance(saved, dict):
        for item in saved.values():
            yield from _names(item)


def _with_replacement(name: str) -> str:
    replacement = REPLACEMENTS.get(name)
    if replacement is None:
        return f"'{name}'"
    return f"'{name}' ({'now ' if replacement.startswith('`') else ''}{replacement})"
