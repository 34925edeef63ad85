"""What older and other versions of Keras wrote: the golden files, as those had them."""

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from backends import once
from keras import layers
from migrate.old_files import Golden, difference, run

from kerasnorm.migrate import load_tfa_model, load_tfa_weights

pytestmark = [once, pytest.mark.filterwarnings("ignore:The model is loaded uncompiled")]


def architecture(path):
    with h5py.File(path) as file:
        return json.loads(file.attrs["model_config"])


def changed(path, change):
    """Changes the architecture in a file; `change` may return another one."""
    config = architecture(path)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(change(config) or config)
    return path


def same(path, model, limit=5e-6):
    golden = Golden(path.parent, path.name.partition(".")[0].partition("_")[0])
    return difference(run(model, golden.x), golden.y) < limit


def as_lists(value):
    """Makes the configs of Sequential models lists without names, as Keras 2.2.2 wrote them."""
    if isinstance(value, list):
        return [as_lists(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") != "Sequential":
        return {key: as_lists(item) for key, item in value.items()}
    items = [item for item in value["config"]["layers"] if item["class_name"] != "InputLayer"]
    return {**value, "config": as_lists(items)}


@pytest.mark.parametrize("name", ["group", "states"])
def test_sequential_models_that_are_lists(name, old):
    path = changed(old(f"{name}.h5"), as_lists)
    assert same(path, load_tfa_model(path))


def test_what_older_versions_left_out_or_said_otherwise(old):
    """No `reset_after`; the dtype of an Embedding's inputs; names of before TensorFlow 2."""

    def change(config):
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "GRU" and not layer["config"]["reset_after"]:
                del layer["config"]["reset_after"]
            if layer["class_name"] == "Embedding":
                layer["config"]["dtype"] = "int32"

    path = changed(old("recurrent.h5"), change)
    model = load_tfa_model(path)
    assert same(path, model)
    assert model.get_layer("embedding").dtype == "float32"


def test_floats_are_not_cut_to_integers(old):
    class Whole(layers.Layer):
        def build(self, shape):
            self.factor = self.add_weight(name="factor", shape=(shape[-1],), dtype="int32")

        def call(self, x):
            return x

    path = old("custom.h5")
    with h5py.File(path, "r+") as file:
        file["model_weights/mine/mine/factor:0"][...] = 0.5
    with pytest.raises(ValueError, match=r"'mine'.*would lose its fractions"):
        load_tfa_model(path, custom_objects={"Scale": Whole})


def test_merge_of_keras_2_0(old):
    def change(config):
        base = next(x for x in config["config"]["layers"] if x["class_name"] == "Functional")
        for layer in base["config"]["layers"]:
            if layer["class_name"] == "Add":
                layer["class_name"] = "Merge"
                layer["config"].update(mode="sum", mode_type="raw", arguments={}, dot_axes=-1)
                for reference in layer["inbound_nodes"][0]:
                    reference[3] = {"mask": [None, None]}

    path = changed(old("backbone.h5"), change)
    assert same(path, load_tfa_model(path))


def test_architecture_beside_the_weights(old, tmp_path):
    whole, weights = old("group.h5"), old("group_only.h5", name="group")
    file = tmp_path / "model.json"
    file.write_text(json.dumps(architecture(whole)))
    for given in (file, str(file), file.read_text()):
        assert same(whole, load_tfa_model(given, weights=weights))
    assert same(whole, load_tfa_model(file, weights=whole))
    with pytest.raises(ValueError, match=r"without weights.*weights=\"model.h5\""):
        load_tfa_model(file)
    with pytest.raises(ValueError, match=r"load_tfa_model\(json, weights=path\)"):
        load_tfa_model(weights)
    with pytest.raises(FileNotFoundError):
        load_tfa_model(file, weights=tmp_path / "none.h5")


def test_json_that_is_no_old_model(tmp_path):
    new = keras.Sequential([keras.Input((3,)), layers.Dense(2)]).to_json()
    with pytest.raises(ValueError, match=r"of Keras 3.*model_from_json"):
        load_tfa_model(new)
    for text in ("{}", '{"a": 1}', "{"):
        with pytest.raises(ValueError, match="JSON"):
            load_tfa_model(text)


@pytest.mark.parametrize("name", ["backbone", "own"])
def test_saved_models_of_tensorflow_2_0_to_2_4(name, old):
    """Those have in saved_model.pb what keras_metadata.pb has since."""
    from migrate.own_layers import OWN
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.keras.protobuf import saved_metadata_pb2

    path = old(name)
    metadata = saved_metadata_pb2.SavedMetadata.FromString(
        (path / "keras_metadata.pb").read_bytes()
    )
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    for node in metadata.nodes:
        place = saved.meta_graphs[0].object_graph_def.nodes[node.node_id]
        place.user_object.metadata = node.metadata
    (path / "keras_metadata.pb").unlink()
    with pytest.raises(ValueError, match=r"export"):
        load_tfa_model(path)
    (path / "saved_model.pb").write_bytes(saved.SerializeToString())
    assert same(path, load_tfa_model(path, custom_objects=OWN))


class Owner:
    """Named variables in attributes, as Keras 2 keeps a layer's in a checkpoint."""

    def __new__(cls, **arrays):
        import tensorflow as tf

        owner = tf.Module()
        for name, (full, array) in arrays.items():
            setattr(owner, name, tf.Variable(array, name=full))
        return owner


@pytest.mark.parametrize("names", [("a", "b"), ("x", "y")])
def test_checkpoints_pair_layers_by_name_first(names, tmp_path):
    """The file has them the other way round; other names are paired by their order."""
    import tensorflow as tf

    kernels = {name: np.full((3, 3), k, "float32") for k, name in enumerate(("b", "a"))}
    items = {
        f"layer_with_weights-{k}": Owner(kernel=(f"{name}/kernel", kernel))
        for k, (name, kernel) in enumerate(kernels.items())
    }
    prefix = tf.train.Checkpoint(**items).write(str(tmp_path / "weights"))
    stack = [layers.Dense(3, use_bias=False, name=name) for name in names]
    model = keras.Sequential([keras.Input((3,)), *stack])
    load_tfa_weights(model, prefix)
    expected = [1, 0] if names == ("a", "b") else [0, 1]
    assert [keras.ops.convert_to_numpy(layer.kernel)[0, 0] for layer in stack] == expected


def test_a_weight_that_is_named_and_not_there(old):
    path = old("instance.h5")
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv2d/conv2d/kernel:0"]
    with pytest.raises(ValueError, match=r"Layer 'conv2d'.*'conv2d/kernel:0'"):
        load_tfa_model(path)
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv2d"]
    with pytest.raises(ValueError, match="Layer 'conv2d'"):
        load_tfa_model(path)


# TensorFlow.js


def write_tfjs(path, folder, names=lambda name: name, bits=None, trainable_first=False):
    """Writes what tensorflowjs' converter makes of an .h5 file: model.json and two shards."""
    entries = []
    with h5py.File(path) as file:
        group = file["model_weights"]
        for layer in group.attrs["layer_names"]:
            for name in group[layer].attrs["weight_names"]:
                entries.append((name.partition(":")[0], group[layer][name][()]))
    if trainable_first:
        entries.sort(key=lambda entry: "moving_" in entry[0])
    content, weights = b"", []
    for name, array in entries:
        spec = {"name": names(name), "shape": list(array.shape), "dtype": "float32"}
        if bits:
            low, scale = float(array.min()), float(np.ptp(array) or 1) / (2**bits - 1)
            array = np.round((array - low) / scale).astype(f"uint{bits}")
            spec["quantization"] = {"min": low, "scale": scale, "dtype": f"uint{bits}"}
        weights.append(spec)
        content += array.tobytes()
    half = len(content) // 2
    folder.mkdir()
    (folder / "group1-shard1of2.bin").write_bytes(content[:half])
    (folder / "group1-shard2of2.bin").write_bytes(content[half:])
    manifest = [{"paths": ["group1-shard1of2.bin", "group1-shard2of2.bin"], "weights": weights}]
    model = {"format": "layers-model", "weightsManifest": manifest}
    model["modelTopology"] = {"keras_version": "2.9.0", "model_config": architecture(path)}
    (folder / "model.json").write_text(json.dumps(model))
    return folder


@pytest.mark.parametrize("name", ["group", "backbone"])
def test_tensorflow_js(name, old, tmp_path):
    path = old(f"{name}.h5")
    folder = write_tfjs(path, tmp_path / "js")
    for given in (folder, folder / "model.json"):
        model = load_tfa_model(given)
        assert same(path, model)
        load_tfa_weights(model, given)
        assert same(path, model)


def test_tensorflow_js_with_weights_that_are_rounded(old, tmp_path):
    path = old("backbone.h5")
    assert same(path, load_tfa_model(write_tfjs(path, tmp_path / "js", bits=16)), limit=1e-3)


def test_tensorflow_js_by_order(old, tmp_path):
    """Its own `save` puts what does not train last; here names do not tell."""
    path = old("unet.h5")
    unnamed = write_tfjs(
        path, tmp_path / "js", lambda name: f"x/{name.rpartition('/')[2]}", trainable_first=True
    )
    assert same(path, load_tfa_model(unnamed))


def broken(folder, change):
    model = json.loads((folder / "model.json").read_text())
    change(model)
    (folder / "model.json").write_text(json.dumps(model))
    return folder


TFJS_BROKEN = {
    "graph": (lambda m: m.update(format="graph-model"), "graph model"),
    "outside": (lambda m: m["weightsManifest"][0].update(paths=["../x"]), "not beside"),
    "short": (lambda m: m["weightsManifest"][0]["paths"].pop(), "end before"),
    "left": (lambda m: m["weightsManifest"][0]["weights"].pop(), "more than"),
    "text": (lambda m: m["weightsManifest"][0]["weights"][0].update(dtype="string"), "dtype"),
    "no_weights": (lambda m: m.pop("weightsManifest"), "without weights"),
}


@pytest.mark.parametrize("fault", TFJS_BROKEN)
def test_tensorflow_js_that_is_damaged(fault, old, tmp_path):
    change, said = TFJS_BROKEN[fault]
    folder = write_tfjs(old("group.h5"), tmp_path / "js")
    with pytest.raises(ValueError, match=said):
        load_tfa_model(broken(folder, change))


def test_tensorflow_js_without_a_file_of_weights(old, tmp_path):
    folder = write_tfjs(old("group.h5"), tmp_path / "js")
    (folder / "group1-shard2of2.bin").unlink()
    with pytest.raises(OSError, match="group1-shard2of2"):
        load_tfa_model(folder)


# early Keras 3


def test_one_output_that_keras_3_8_wrote_as_a_list(tmp_path):
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)], name="inner")
    inputs = keras.Input((4,))
    base = keras.Model(inputs, inner(inputs), name="base")
    model = keras.Sequential([keras.Input((4,)), base, layers.Dense(2)])
    new, early = tmp_path / "new.keras", tmp_path / "early.keras"
    model.save(new)
    with pytest.raises(ValueError, match="load_model"):
        load_tfa_model(new)
    with zipfile.ZipFile(new) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    nested = next(x for x in config["config"]["layers"] if x["class_name"] == "Functional")
    for key in ("input_layers", "output_layers"):
        nested["config"][key] = [nested["config"][key]]
    parts["config.json"] = json.dumps(config)
    parts["metadata.json"] = json.dumps({"keras_version": "3.8.0"})
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    early.write_bytes(content.getvalue())
    x = np.ones((2, 4), "float32")
    assert difference(run(load_tfa_model(early), [x]), run(model, [x])) == 0
