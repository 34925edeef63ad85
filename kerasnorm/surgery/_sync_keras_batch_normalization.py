"""Makes Keras' batch normalization synchronous."""

from typing import Any

import keras

from kerasnorm.normalization import SyncBatchNormalization


@keras.saving.register_keras_serializable(package="kerasnorm")
class SyncKerasBatchNormalization(SyncBatchNormalization):
    """Synchronous version of Keras' layer, and of classes that inherit its call.

    In training it is `SyncBatchNormalization`. At inference it computes the same as Keras' layer,
    in the same order, so that results are bitwise equal.

    Args:
        origin: The Keras layer, as `keras.saving.serialize_keras_object` writes it.
        **kwargs: Arguments of `SyncBatchNormalization`.
    """

    arguments = (
        *("name", "trainable", "dtype", "axis", "momentum", "epsilon", "center", "scale"),
        *(
            f"{name}_{kind}"
            for name in ("beta", "gamma")
            for kind in ("initializer", "regularizer", "constraint")
        ),
        *("moving_mean_initializer", "moving_variance_initializer"),
    )

    def __init__(self, *, origin: dict[str, Any], **kwargs: Any):
        super().__init__(**kwargs)
        self.autocast = True  # as Keras' layer does
        self.origin = origin
        self.renorm = False

    def call(self, inputs, training=None, mask=None):
        if training and self.trainable:
            return super().call(inputs, training=training, mask=mask)
        return keras.layers.BatchNormalization.call(self, inputs, training=False, mask=mask)

    def get_config(self):
        return {**super().get_config(), "origin": self.origin}
