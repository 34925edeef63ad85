"""`kerasnorm advise`."""

from typing import Any

from kerasnorm._choices import RULES
from kerasnorm.cli._command import add_command
from kerasnorm.cli._data import add_data, check_data

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
        check_data,
        "measure images and a model, and say how to train, and why",
        _EXAMPLES,
    )
    add_data(parser)
    add = parser.add_argument
    add("--replicas", type=int, default=1, help="devices that share each batch (1)")
    add("--similarity", type=float, help="to the source, 0 to 1 (default: measured)")
    add(
        "--rule",
        choices=RULES,
        default="measured",
        help="measured (default), or lecture: the textbook rule of thumb",
    )
    add("--json", action="store_true", help="print JSON: recipe and reasons")
