"""One network, trained and run on request: JSON lines in, JSON lines out. See `end_to_end.py`.

    python benchmarks/trainee.py MODEL NORMALIZATION PIXELS [xla]

Keras' backend is that of the environment variable. Random weights and images: neither matters to
speed.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
CLASSES = 10


def make(name, normalization, pixels):
    """Returns the network of keras.applications with that normalization, compiled by nothing."""
    import keras

    from kerasnorm.surgery import replace_normalization

    keras.utils.set_random_seed(0)
    shape = (pixels, pixels, 3)
    model = getattr(keras.applications, name)(weights=None, input_shape=shape, classes=CLASSES)
    to = {"batch": "batch", "group": "group", "keras group": keras.layers.GroupNormalization}
    if normalization in to:
        return replace_normalization(model, to[normalization]).model
    return model


def examples(count, pixels):
    import numpy as np

    random = np.random.default_rng(0)
    images = random.uniform(0, 255, size=(count, pixels, pixels, 3)).astype("float32")
    return images, random.integers(0, CLASSES, count)


def timed(run, steps):
    """Returns seconds a step, by the clock and of processors."""
    starts = time.perf_counter(), time.process_time()
    run()
    ends = time.perf_counter(), time.process_time()
    return [(end - start) / steps for start, end in zip(starts, ends, strict=True)]


def fit(model, pixels, steps, batch):
    x, y = examples(steps * batch, pixels)
    return timed(lambda: model.fit(x, y, batch_size=batch, shuffle=False, verbose=0), steps)


def predict(model, pixels, steps, batch):
    x, _ = examples(steps * batch, pixels)
    return timed(lambda: model.predict(x, batch_size=batch, verbose=0), steps)


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what frameworks print is no answer
    name, normalization, pixels, *mode = sys.argv[1:]
    import keras

    from kerasnorm.surgery import fold_batchnorm

    models = {"as it is": make(name, normalization, int(pixels))}
    models["as it is"].compile(
        keras.optimizers.SGD(1e-4), "sparse_categorical_crossentropy", jit_compile="xla" in mode
    )
    for line in sys.stdin:
        request = json.loads(line)
        which = request.get("which", "as it is")
        if which not in models:
            models[which] = fold_batchnorm(models["as it is"])
            models[which].compile(jit_compile="xla" in mode)
        run = {"fit": fit, "predict": predict}[request["run"]]
        seconds = run(models[which], int(pixels), request["steps"], request["batch"])
        print(json.dumps(seconds), file=answers, flush=True)


if __name__ == "__main__":
    main()
