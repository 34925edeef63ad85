"""Runs `kerasnorm advise`."""

import argparse
import dataclasses
import json
from typing import Any

from kerasnorm.cli.running._data import advice_for, read_problem, say_read


def run_advise(arguments: argparse.Namespace) -> None:
    """Prints the advice on the images and the model."""
    settings: dict[str, Any] = {"replicas": arguments.replicas, "rule": arguments.rule}
    if arguments.similarity is not None:
        settings["similarity"] = arguments.similarity
    problem = read_problem(arguments)
    say_read(arguments, problem)
    advice = advice_for(arguments, problem, **settings)
    if arguments.json:
        recipe = json.loads(advice.recipe.to_json())
        print(json.dumps({"recipe": recipe, "reasons": advice.reasons}, indent=2))
        return
    for field in dataclasses.fields(advice.recipe):
        if not field.name.endswith("_settings"):
            print(f"{field.name:16} {advice.recipe.describe(field.name)}")
    print()
    for reason in advice.reasons:
        print(f"- {reason}")
