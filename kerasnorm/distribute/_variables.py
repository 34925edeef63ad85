"""What the workers of a job have in common."""

import keras


def variables_of(model: keras.Model) -> list[keras.Variable]:
    """Returns all that a step changes but for the metrics."""
    optimizer = getattr(model, "optimizer", None)
    found = [*model.variables, *getattr(optimizer, "variables", ())]
    return list({id(variable): variable for variable in found}.values())
