"""Replicas of TensorFlow, for tests of several files in one process."""


def two_replicas():
    """Returns a strategy without collectives, which collide with those of another one."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
