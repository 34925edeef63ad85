"""Plans which array goes into which variable before anything is assigned."""

import keras
import numpy as np


class Plan:
    """The arrays for a model's variables."""

    def __init__(self) -> None:
        self._values: dict[int, tuple[keras.Variable, np.ndarray]] = {}

    def add(self, variable: keras.Variable, array: np.ndarray, path: str, name: str) -> None:
        """Notes an array of the file.

        Raises:
            ValueError: If its shape is not the variable's, or the file has two values for it.
        """
        if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
            raise ValueError(f"Layer '{path}': its weight '{name}' holds no numbers in the file.")
        if tuple(array.shape) != tuple(variable.shape):
            raise ValueError(
                f"Layer '{path}': its weight '{name}' has the shape {tuple(array.shape)} in the "
                f"file, and {tuple(variable.shape)} in the model. Give the layer the size and "
                "settings that it had."
            )
        whole = "int" in keras.backend.standardize_dtype(variable.dtype)
        if whole and array.dtype.kind not in "biu" and (array != np.rint(array)).any():
            raise ValueError(
                f"Layer '{path}': its weight '{name}' would lose its fractions, as the layer's "
                f"dtype is {variable.dtype}. Give the layer a dtype of floats."
            )
        if variable in self and not np.array_equal(self.value(variable), array, equal_nan=True):
            raise ValueError(f"Layer '{path}': the file has two values for its weight '{name}'.")
        self.replace(variable, array)

    def replace(self, variable: keras.Variable, array: np.ndarray) -> None:
        self._values[id(variable)] = variable, array

    def value(self, variable: keras.Variable) -> np.ndarray:
        return self._values[id(variable)][1]

    def __contains__(self, variable: keras.Variable) -> bool:
        return id(variable) in self._values

    def assign(self) -> None:
        for variable, array in self._values.values():
            variable.assign(keras.ops.cast(array, variable.dtype))
