"""One framework's layers, timed on request: JSON lines in, JSON lines out. See `normalization.py`.

    python benchmarks/contender.py kerasnorm | keras | tfa | torch | floor

Each contender is a process of its own, in the environment that it needs: TensorFlow Addons and
TensorFlow 2.21 cannot live in one. It does nothing until it is asked to run once.
"""

import ctypes
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# On some processors TensorFlow takes oneDNN's allocator, which hides what a step needs.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
LIBC = ctypes.CDLL("libc.so.6")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of malloc.h
LIBC.mallopt(M_ARENA_MAX, 1)  # the arenas of threads have no room for large blocks


class UnsupportedError(Exception):
    """What the framework does not have."""


def tensorflow_step(layer, case):
    """Returns a function that runs a Keras layer once, and its gradient where asked."""
    import tensorflow as tf

    x = tf.random.normal(case["shape"], dtype=case["dtype"])
    upstream = tf.random.normal(case["shape"], dtype=case["dtype"])
    layer.build(x.shape)

    def step(x):
        if case["pass"] == "forward":
            return layer(x, training=True)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        weights = [getattr(weight, "value", weight) for weight in layer.trainable_weights]
        weights = [weight() if callable(weight) else weight for weight in weights]  # of Keras 2
        gradient = tape.gradient(y, [x, *weights], upstream)
        return gradient if case["pass"] == "gradient" else (y, gradient)

    if case["mode"] == "eager":
        return lambda: step(x)
    compiled = tf.function(step, jit_compile=case["mode"] == "xla")
    return lambda: compiled(x)


def kerasnorm(case):
    import keras

    from kerasnorm import normalization

    keras.config.set_dtype_policy(policy(case))
    axis = layer_axes(case) if case["layer"] == "layer" else case["axis"]
    return tensorflow_step(normalization.get(case["layer"], axis=axis), case)


def keras(case):
    import keras

    keras.config.set_dtype_policy(policy(case))
    axis, layers = case["axis"], keras.layers
    make = {
        "group": lambda: layers.GroupNormalization(32, axis=axis),
        "instance": lambda: layers.GroupNormalization(-1, axis=axis),
        "layer": lambda: layers.LayerNormalization(axis=layer_axes(case)),
        "batch": lambda: layers.BatchNormalization(axis=axis),
        "sync_batch": lambda: layers.BatchNormalization(axis=axis, synchronized=True),
    }[case["layer"]]
    return tensorflow_step(make(), case)


def tfa(case):
    import tensorflow_addons

    if case["layer"] not in ("group", "instance") or case["dtype"] != "float32":
        raise UnsupportedError
    layers = tensorflow_addons.layers
    if case["layer"] == "group":
        return tensorflow_step(layers.GroupNormalization(32, axis=case["axis"]), case)
    return tensorflow_step(layers.InstanceNormalization(axis=case["axis"]), case)


def torch(case):
    import torch
    from torch.nn import functional

    channels = case["shape"][case["axis"]]
    dtype = getattr(torch, case["dtype"])
    x = torch.randn(case["shape"], dtype=dtype)
    if case["axis"] == -1 and case["layer"] != "layer":
        x = x.permute(0, 3, 1, 2)  # torch's memory format channels_last
    shape = [channels] if case["layer"] != "layer" else [x.shape[axis] for axis in layer_axes(case)]
    gamma, beta = torch.ones(shape, dtype=dtype), torch.zeros(shape, dtype=dtype)
    kernel = {
        "group": lambda x: functional.group_norm(x, 32, gamma, beta),
        "instance": lambda x: functional.instance_norm(x, weight=gamma, bias=beta),
        "layer": lambda x: functional.layer_norm(x, shape, gamma, beta),
        "batch": lambda x: functional.batch_norm(x, None, None, gamma, beta, True),
    }.get(case["layer"])
    if kernel is None:
        raise UnsupportedError
    if case["pass"] == "forward":
        return lambda: kernel(x)
    upstream = torch.randn_like(x)
    for tensor in (x, gamma, beta):
        tensor.requires_grad_()

    def step():
        y = kernel(x)
        return y, torch.autograd.grad(y, [x, gamma, beta], upstream)

    return step


def floor(case):
    """Reads and writes what any layer must: x to y, and upstream to the gradient."""
    import tensorflow as tf

    x = tf.random.normal(case["shape"], dtype=case["dtype"])
    upstream = tf.random.normal(case["shape"], dtype=case["dtype"])
    compiled = tf.function(lambda x: (x * 2, upstream * 2) if case["pass"] == "both" else x * 2)
    return lambda: compiled(x)


def layer_axes(case):
    """Channels last: the channels. Channels first: all of an example, as torch can too."""
    return [-1] if case["axis"] == -1 else [1, 2, 3]


def policy(case):
    return case["dtype"] if case["dtype"] == "float32" else f"mixed_{case['dtype']}"


def peak_bytes(step):
    """Returns how much memory a run needs beyond what is there before."""
    _keep_freed_memory(False)
    LIBC.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = _status("VmRSS")
    step()
    peak = _status("VmHWM")
    _keep_freed_memory(True)
    return peak - before


def _keep_freed_memory(keep):
    """Lets large blocks stay with the process, or come from the system and go back to it.

    The system writes zeros into each page that it gives, which takes longer than the arithmetic:
    times are without that, as with the allocators of accelerators, and peaks with it.
    """
    LIBC.mallopt(M_MMAP_THRESHOLD, 1 << 30 if keep else 1 << 17)
    LIBC.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1 if keep else 1 << 17)


def _status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(key))


def main():
    step_of = {f.__name__: f for f in (kerasnorm, keras, tfa, torch, floor)}[sys.argv[1]]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what frameworks print is no answer
    step = None
    for line in sys.stdin:
        request = json.loads(line)
        if "case" in request:
            try:
                step = step_of(request["case"])
            except UnsupportedError:
                answer = {"supported": False}
            else:
                step()
                answer = {"supported": True, "bytes": sorted(peak_bytes(step) for _ in "123")[1]}
                step()
        else:
            start = time.perf_counter()
            result = step()
            answer = {"seconds": time.perf_counter() - start}
            del result
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
