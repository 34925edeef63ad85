"""`kerasnorm advise`."""

import argparse
import dataclasses
import json
from typing import Any

from kerasnorm.cli._command import add_command
from kerasnorm.cli._data import add_data, advice_for, read_problem

_EXAMPLES = """examples:
  kerasnorm advise photos/ --backbone MobileNetV2 --weights imagenet
  kerasnorm advise photos/ --weights model.keras --replicas 8 --batch-size 32 --json
  kerasnorm advise scenes/ --model unet.keras --ignore-class 255
"""


def add_advise(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = add_command(
        commands,
        "advise",
        _advise,
        "measure images and a model, and say how to train, and why",
        _EXAMPLES,
    )
    add_data(parser)
    add = parser.add_argument
    add("--replicas", type=int, default=1, help="devices that share each batch (1)")
    add("--similarity", type=float, help="to the source's problem, 0 to 1, instead of measuring it")
    add("--rule", choices=["measured", "lecture"], default="measured", help="of transfer")
    add("--json", action="store_true", help="print JSON: recipe and reasons")


def _advise(arguments: argparse.Namespace) -> None:
    settings: dict[str, Any] = {"replicas": arguments.replicas, "rule": arguments.rule}
    if arguments.similarity is not None:
        settings["similarity"] = arguments.similarity
    advice = advice_for(arguments, read_problem(arguments), **settings)
    if arguments.json:
        recipe = json.loads(advice.recipe.to_json())
        print(json.dumps({"recipe": recipe, "reasons": advice.reasons}, indent=2))
        return
    for field in dataclasses.fields(advice.recipe):
        if not field.name.endswith("_settings"):
            print(f"{field.name:14} {advice.recipe.describe(field.name)}")
    print()
    for reason in advice.reasons:
        print(f"- {reason}")
