"""Measures the ways of rows.py on the data sets, one after another, and goes on after a break.

    python benchmarks/real/measure.py [--out results.jsonl] [--rows …] [--data …] [--seeds 3]
                                      [--network lite0] [--size 96]

Each result is a line of the file; what is there already is not measured again. A way on pictures
runs in a process of its own, whose processor seconds and peak memory are those of the way. One on
features shares them: the seconds that the frozen network took stand in a line of their own.
`table.py` prints the table.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
FEATURES = "frozen features"


def main():
    arguments = parse()
    if arguments.one:
        print("RESULT", json.dumps(measure_pictures(arguments)))
        return
    import datasets
    import rows

    done = {key(line) for line in read(arguments.out)}
    chosen = arguments.rows or [*rows.ON_FEATURES, *rows.ON_PICTURES]
    for seed in range(arguments.seeds):
        for data in arguments.data or datasets.NAMES:
            of = {"data": data, "network": arguments.network, "size": arguments.size, "seed": seed}
            left = [name for name in chosen if key({**of, "row": name}) not in done]
            on_features = [name for name in left if name in rows.ON_FEATURES]
            if on_features:
                for line in measure_features(of, on_features):
                    write(arguments.out, line)
            for name in left:
                if name in rows.ON_PICTURES:
                    for line in in_a_process(of, name):
                        write(arguments.out, line)


def key(line):
    """What a result is of."""
    return tuple(line[name] for name in ("row", "data", "network", "size", "seed"))


def measure_features(of, names):
    """Yields the results of ways on features."""
    import datasets
    import rows

    parts = datasets.load(of["data"], of["size"], of["seed"])
    began = time.process_time()
    pooled = frozen_features(of, parts)
    yield {**of, "row": FEATURES, "cpu_s": time.process_time() - began}
    for name in names:
        began = time.process_time()
        scores = rows.ON_FEATURES[name](*pooled)
        seconds = time.process_time() - began
        yield {**of, "row": name, "cpu_s": seconds, **figures(scores, parts)}


def frozen_features(of, parts):
    """Returns the parts with the network's pooled features in place of the pictures."""
    import keras
    import networks

    network = networks.load(of["network"], of["size"])
    pooled = keras.layers.GlobalAveragePooling2D()(network.output)
    model = keras.Model(network.input, pooled)
    model.compile(jit_compile=False)
    return [
        part._replace(x=model.predict(part.x, batch_size=32, verbose=0))
        for part in (parts.train, parts.validation, parts.test)
    ]


def in_a_process(of, name):
    """Returns the results of a way on pictures, measured in a new process."""
    command = [sys.executable, __file__, "--one", "--rows", name, "--data", of["data"]]
    for option in ("network", "size", "seed"):
        command += [f"--{option}", str(of[option])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line.removeprefix("RESULT "))
    raise RuntimeError(f"{' '.join(command)} ended with:\n{done.stderr[-2000:]}")


def measure_pictures(arguments):
    """Returns the results of one way on pictures: of the row, and of how else it may end."""
    import datasets
    import networks
    import rows

    ((name,), (data,)) = arguments.rows, arguments.data
    of = {"data": data, "network": arguments.network, "size": arguments.size}
    parts = datasets.load(data, arguments.size, arguments.seed)
    network = networks.load(arguments.network, arguments.size)
    began = time.process_time()
    scores = rows.ON_PICTURES[name](
        network, parts.train, parts.validation, parts.test, arguments.seed
    )
    seconds = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cost = {"seed": arguments.seed, "cpu_s": seconds, "gib": memory}
    ends = scores if isinstance(scores, dict) else {"kept": scores}
    return [
        {**of, "row": name if end == "kept" else f"{name}: {end}", **cost, **figures(found, parts)}
        for end, found in ends.items()
    ]


def figures(scores, parts):
    """Returns the balanced accuracy and the like of scores (N, K) of the test's pictures."""
    import numpy as np
    from scipy.special import softmax

    labels, counts = parts.test.y, np.bincount(parts.train.y)
    shares = softmax(np.asarray(scores, "float64"), axis=1)
    right = shares.argmax(axis=1) == labels
    recall = np.array([right[labels == k].mean() for k in range(len(counts))])
    by_count = np.argsort(-counts, kind="stable")
    groups = zip(("many", "medium", "few"), np.array_split(by_count, 3), strict=True)
    return {
        "balanced_accuracy": float(recall.mean()),
        "accuracy": float(right.mean()),
        **{name: float(recall[members].mean()) for name, members in groups},
        "calibration_error": calibration_error(shares.max(axis=1), right),
    }


def calibration_error(confidence, right, bins=15):
    """Returns how far confidence and accuracy are apart, on average over bins of confidence."""
    import numpy as np

    of_bin = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[of_bin == each].sum() - right[of_bin == each].sum()) for each in range(bins)
    ]
    return float(np.sum(gaps) / len(right))


def read(path):
    """Returns the results that are there already."""
    path = Path(path)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def write(path, line):
    """Appends a result and prints it."""
    rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(rounded) + "\n")
    score = f"{100 * line['balanced_accuracy']:.1f} %" if "balanced_accuracy" in line else ""
    print(f"{line['data']} {line['seed']} {line['row']}: {score} {line['cpu_s']:.0f} s", flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default=HERE / "results.jsonl")
    parser.add_argument("--rows", nargs="+")
    parser.add_argument("--data", nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--network", default="lite0")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
