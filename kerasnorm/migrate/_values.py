"""Reads and checks the JSON of a file."""

import json
from dataclasses import dataclass
from typing import Any

_KINDS = {dict: "an object", list: "a list", str: "a string", int: "a number", bool: "a bool"}
_KERAS = ("keras", "tf_keras", "tensorflow.python.keras", "builtins")
_MAX_DEPTH = 200


@dataclass(frozen=True)
class Saved:
    """An object in a file: its class and the arguments it is made with.

    Attributes:
        name: Of the class, after "Addons>" if it is one of TensorFlow Addons and after another
            word and ">" if it is somebody's own.
        config: Its arguments, by name.
        fields: All that the file says beside it.
    """

    name: str
    config: dict[str, Any]
    fields: dict[str, Any]


def parse(text: str | bytes) -> Any:
    """Returns the value that a JSON text has, without Keras' marks of tuples and arrays.

    Raises:
        ValueError: If it is no JSON.
    """
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # half a character could not be printed
        return _plain(value, 0)
    except (json.JSONDecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(f"What should describe a model is no JSON: {error}") from error


def _plain(value: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("What should describe a model is nested too deeply.")
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
        return _plain(value["items"], depth + 1)
    if value.get("class_name") in ("__numpy__", "__tensor__"):
        return _plain(expect(value.get("config"), dict, "An array").get("value"), depth + 1)
    return {key: _plain(item, depth + 1) for key, item in value.items()}


def expect(value: Any, kind: type, what: str) -> Any:
    """Returns the value if it is of a kind; `what` begins the message if it is not."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{what} should be {_KINDS[kind]} in the file. Received: {short(value)}.")
    return value


def as_saved(value: Any, what: str) -> Saved:
    """Reads a serialized object as either of Keras 2's formats has it."""
    fields = expect(value, dict, what)
    name = expect(fields.get("class_name"), str, f"The class of {what.lower()}")
    registered = fields.get("registered_name")
    module = fields.get("module")
    if isinstance(registered, str) and ">" in registered:
        name = registered
    elif isinstance(module, str) and not _is_in(module, _KERAS):
        name = f"{module}>{name}"
    config = fields.get("config")
    if name == "Sequential" and isinstance(config, list):  # of Keras 2.2.2 and before
        config = {"name": fields.get("name", "sequential"), "layers": config}
    if isinstance(config, dict) and isinstance(fields.get("name"), str):
        config = {"name": fields["name"], **config}  # which a layer without `get_config` has not
    return Saved(name, expect(config, dict, f"The config of {what.lower()}"), fields)


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def new_name(name: str) -> str:
    """Returns a name as Keras 3 takes it: without slashes."""
    return name.replace("/", "_")


def short(value: Any) -> str:
    """Returns a value as a message shows it."""
    text = repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."
