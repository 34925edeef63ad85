"""Reads the examples for `fit`."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from kerasnorm.recipe.examples import Examples, read_examples


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """The parts of the examples, of which all but the first may be missing."""

    train: Examples
    validation: Examples | None = None
    test: Examples | None = None

    @property
    def held_out(self) -> Examples | None:
        """What the model is evaluated on."""
        return self.test or self.validation

    def given(self) -> Iterator[tuple[str, Examples]]:
        """Yields the name of each part that is there, and the part."""
        for field in dataclasses.fields(self):
            part = getattr(self, field.name)
            if part is not None:
                yield field.name, part


def read_parts(train: Any, validation: Any, test: Any, **reading: Any) -> Parts:
    """Returns the parts as `Examples`; further arguments are those of `read_examples`."""
    found = read_examples("train", train, **reading)
    reading |= {"names": found.class_names, "kind": found.kind}
    return Parts(
        found,
        None if validation is None else read_examples("validation", validation, **reading),
        None if test is None else read_examples("test", test, **reading),
    )
