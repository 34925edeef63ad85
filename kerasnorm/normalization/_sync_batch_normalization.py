from typing import Any

import keras

from kerasnorm.normalization._batch_normalization import BatchNormalization


@keras.saving.register_keras_serializable(package="kerasnorm")
class SyncBatchNormalization(BatchNormalization):
    """Batch normalization whose statistics span the batches of all replicas.

    Use it to train on several devices with a small batch each: the result equals that of
    `BatchNormalization` on the concatenated batch, also if replicas have unequal batches, no
    examples, or masks. It makes two all-reduces forward and one backward. Replicas are those of
    `tf.distribute`, ranks those of `torch.distributed`; on JAX arrays are global, and the layer
    is `BatchNormalization`, except under `jax.shard_map` or `jax.pmap`, where it needs to know
    the name of the axis.

        E[x] = Σᵣ Σᵢ xᵣᵢ / Σᵣ nᵣ,  Var[x] = Σᵣ Σᵢ (xᵣᵢ − E[x])² / Σᵣ nᵣ  over replicas r
        y = (x − E[x]) / √(Var[x] + ε) · γ + β

    Args:
        *args, **kwargs: Arguments of `BatchNormalization`, except `synchronized` and
            `virtual_batch_size`.
        axis_name: Optional str, the mapped axis of `jax.shard_map` or `jax.pmap` that examples
            are split along. With it the layer computes statistics (in training) only under such
            an axis; at inference it needs none. Only JAX uses it: elsewhere it is kept, so that a
            model loads on any backend. Defaults to None.

    Call arguments:
        inputs: This replica's examples, of rank 2 or more; integers are cast. There may be none.
        training: Bool, whether to use the statistics of the batch.
        mask: Optional bools or numbers, of the input's shape without the channel axis. Positions
            where it is 0 count for no statistic and are 0 in the output.

    Input shape and output shape:
        `(N, …, C)`, or `(N, C, …)` with `axis=1`. N may differ between replicas.

    Example:

    >>> import numpy as np
    >>> layer = SyncBatchNormalization(momentum=0.9)
    >>> y = layer(np.ones((4, 3), "float32"), training=True)
    >>> keras.ops.convert_to_numpy(layer.moving_mean).round(3).tolist()
    [0.1..., 0.1..., 0.1...]

    Raises:
        ValueError: As `BatchNormalization` does, and for statistics outside of `axis_name`.

    See also:
        `BatchNormalization`; `kerasnorm.surgery.convert_sync_batchnorm`, for a whole model;
        `kerasnorm.distribute.current_strategy`.

    Reference:
        Peng et al., 2018, MegDet: a large mini-batch object detector,
        https://arxiv.org/abs/1711.07240
    """

    def __init__(self, *args: Any, axis_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, synchronized=True, axis_name=axis_name, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["synchronized"], config["virtual_batch_size"]
        return config
