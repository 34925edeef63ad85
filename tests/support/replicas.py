"""Replicas of TensorFlow, for tests of several files in one process."""


def replicas(count):
    """Returns a strategy without collectives, which collide with those of another one."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(count)], tf.distribute.ReductionToOneDevice()
    )


def two_replicas():
    """Returns a strategy of two."""
    return replicas(2)
