"""What the workers of the tests do, each in a process of its own."""

import os
import sys
from pathlib import Path

import keras
import numpy as np
from at_step import AtStep
from distribute.cases import (
    BATCH,
    CLASSES,
    Crossentropy,
    data,
    even_data,
    mlp,
    torch_loss,
    torch_model,
    trained,
)

from kerasnorm.distribute import (
    DistributedModel,
    current_strategy,
    is_chief,
    prepare,
    resume_callbacks,
)
from kerasnorm.imbalance import resample


def note(folder, index, name, model, logs):
    """Writes weights and logs, for the test to compare."""
    arrays = {f"weight{i:03d}": weight for i, weight in enumerate(model.get_weights())}
    arrays.update({f"log {key}": values for key, values in logs.items()})
    np.savez(Path(folder) / f"{name}-{index}.npz", **arrays)


def exact(folder, index, *names):
    """Trains as the cases say."""
    strategy = current_strategy(timeout=60)
    for name in names:
        with strategy.scope():
            model, logs = trained(name, DistributedModel)
        note(folder, index, name, model, logs)


def capabilities(folder, index):
    """Validates, evaluates, predicts, resamples and saves."""
    strategy = current_strategy(timeout=60)
    np.random.seed(int(index))  # workers need not have drawn the same numbers
    x, y = data()
    with strategy.scope():
        model = mlp(DistributedModel)
    model.compile("adam", Crossentropy(from_logits=True), metrics=["accuracy"])
    logs = model.fit(x, y, BATCH, validation_split=0.3, verbose=0).history
    evaluated = model.evaluate(x, y, BATCH, 0, return_dict=True)
    logs.update({f"test {key}": [value] for key, value in evaluated.items()})
    logs["predicted"] = model.predict(x, BATCH, 0)
    dataset = resample((x, y), batch_size=BATCH, seed=3)
    resampled = model.fit(dataset, verbose=0).history
    logs.update({f"resampled {key}": values for key, values in resampled.items()})
    note(folder, index, "capabilities", model, logs)
    path = Path(folder) / "model.keras"
    model.save(path)
    np.savez(Path(folder) / f"wrote-{index}.npz", chief=is_chief())


def command(folder, index, *words):
    """Runs a command line, every machine with a folder of its own to write to."""
    from kerasnorm.cli import main

    sys.exit(main([word.replace("OUT", f"{folder}/out{index}") for word in words]))


def end_without_a_word():
    os.kill(os.getpid(), 9)


def interrupted(folder, index, step, victim, epochs):
    """Trains, with backups, until the victim is killed; with no victim to the end."""
    current_strategy(timeout=60)
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.3), keras.layers.Dense(CLASSES)]
    model = prepare(keras.Sequential([keras.Input((6,)), *layers]))
    model.compile(keras.optimizers.Adam(0.01), Crossentropy(from_logits=True))
    callbacks = resume_callbacks(Path(folder) / "backup")
    if str(index) == victim:
        callbacks.append(AtStep(int(step), end_without_a_word))
    x, y = data()
    logs = model.fit(x, y, 4, int(epochs), 0, callbacks).history
    note(folder, index, "interrupted", model, logs)


def sharded(folder, index):
    """Trains on JAX, each process on its part of the batches of one dataset."""
    import tensorflow as tf

    strategy = current_strategy(timeout=60)
    keras.utils.set_random_seed(0)
    x, y = even_data()
    with strategy.scope():
        model = mlp(DistributedModel)
        model.compile(keras.optimizers.SGD(0.1), Crossentropy(from_logits=True))
        dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH, drop_remainder=True)
        logs = model.fit(dataset, epochs=2, verbose=0).history
        try:
            model.fit(dataset.unbatch().take(19).batch(BATCH), verbose=0)
        except ValueError as error:
            logs["refusal"] = [str(error)]
        note(folder, index, "sharded", model, logs)
        model.save(Path(folder) / "model.keras")


def ranks(folder, index):
    """Trains by torch's DistributedDataParallel, on 3 and on 1 examples."""
    import torch

    store = f"file://{folder}/rendezvous"
    torch.distributed.init_process_group("gloo", init_method=store, rank=int(index), world_size=2)
    x, y = (array[:4] for array in data())
    model = torch_model()
    divided = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    part = slice(3) if index == "0" else slice(3, None)
    for _ in range(2):
        loss = torch_loss(divided(torch.tensor(x[part]), training=True), y[part])
        optimizer.zero_grad()
        (loss * 2 / 4).backward()  # a sum over 4 examples, of which each rank's share is halved
        optimizer.step()
    note(folder, index, "ranks", model, {})
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
