"""Lists the variables that the workers of a job share."""

import keras


def variables_of(model: keras.Model) -> list[keras.Variable]:
    """Returns all variables that a step changes, except those of metrics."""
    optimizer = getattr(model, "optimizer", None)
    found = [*model.variables, *getattr(optimizer, "variables", ())]
    return list({id(variable): variable for variable in found}.values())
