"""What `kerasnorm fit FOLDER` trains."""

from collections.abc import Sequence

import keras

from kerasnorm._existing import weights_file
from kerasnorm.data import equal_files, sound_images
from kerasnorm.data.splitting import Split, across, describe_equal, fold, split
from kerasnorm.imbalance import ImageFiles
from kerasnorm.models import find_head, load_model
from kerasnorm.problems._backbone import small_convnet_for
from kerasnorm.problems._folder import (
    describe_counts,
    describe_left_out,
    describe_parts,
    describe_sizes,
)
from kerasnorm.recipe import Recipe, classifier
from kerasnorm.recipe.classifiers import application_named, load_base_weights
from kerasnorm.transfer import is_backbone

WIDTHS = (32, 64, 128, 128)


class FolderProblem:
    """The images of a folder by seed, and the models that start on them.

    Args:
        files: the images.
        backbone: name of a keras.applications model; None for a small ConvNet, or for the model
            in a .keras file.
        weights: "imagenet", "none", or a file: .weights.h5 of the backbone, or .keras of a model
            that is the backbone, holds it, or (without `backbone`) is the start itself.
        image_size: height and width; by default what a .keras file says, 160 for a backbone and 64
            for the small ConvNet.
        shares: of the images, for validation and for the test; 0 for none. None: 0.1 and 0.2, or
            the parts that the images have.
        folds: how many folds there are, each of which is the test for one seed; 0 for none.
        first_seed: decides the folds; it is also the seed that the first of them is for.
        strict: as in `sound_images`.

    Attributes:
        unreadable: the paths of the images that were left out.

    Raises:
        ValueError: for an unknown backbone, weights that are not for it, and images that cannot be
            read or split so.
        OSError: if there is no such file.
    """

    def __init__(
        self,
        files: ImageFiles,
        backbone: str | None = None,
        weights: str = "none",
        image_size: int | None = None,
        shares: tuple[float | None, float | None] = (None, None),
        folds: int = 0,
        first_seed: int = 0,
        strict: bool = False,
    ) -> None:
        if backbone is not None:
            application_named(backbone)
        self._file = weights_file(weights, backbone)
        self._start = None
        if self._file is not None and self._file.suffix == ".keras" and backbone is None:
            self._start = load_model(self._file)
            image_size = input_size(self._start, image_size)
        self._backbone, self._weights, self._shares = backbone, weights, shares
        self._size = image_size or (160 if backbone else 64)
        self._folds, self._first_seed, self._skipped = folds, first_seed, files.skipped
        sized = files.subset(range(files.size), self._size)
        self._files, self.unreadable = sound_images(sized, strict)
        self._equal = equal_files(self._files.paths.tolist())
        self.classes: Sequence[str] = files.class_names

    @property
    def pretrained(self) -> bool:
        """Whether there are weights to start from."""
        return self._weights != "none"

    @property
    def reads(self) -> str:
        """What goes into which model."""
        into = self._backbone or (self._start and self._file.name) or "a small ConvNet"
        return f"{self._size}×{self._size} RGB, pixels 0 to 255, into {into}"

    def described(self, seed: int) -> str:
        """Returns what was read: classes, counts, parts, sizes and what was left out."""
        parts = describe_parts(self.data(seed))
        sizes, left_out = describe_sizes(self._files.paths.tolist()), self._skipped
        size = self._files.size if self._files.labels.ndim == 2 else None
        return (
            f"{describe_counts(self._files.counts(), size)}; {parts}; {sizes}"
            f"{describe_left_out(left_out)}"
        )

    def doubts(self) -> list[str]:
        """Returns what seems to be wrong with the images: equal ones in two classes or parts."""
        found = [("classes", self._files.alike), ("parts", self._files.parts)]
        apart = {
            kind: across(self._files, self._equal, values)
            for kind, values in found
            if values is not None
        }
        return [describe_equal(sets, kind) for kind, sets in apart.items() if sets]

    def data(self, seed: int) -> Split:
        """Returns the images for training, validation and test."""
        if self._folds:
            index = seed - self._first_seed
            validation, first = self._shares[0], self._first_seed
            return fold(self._files, self._folds, index, validation, first, self._equal)
        return split(self._files, *self._shares, seed, self._equal)

    def model(
        self, recipe: Recipe, seed: int, callbacks: Sequence[keras.callbacks.Callback] = ()
    ) -> keras.Model:
        """Returns the model to start from; new weights are drawn from the seed."""
        keras.utils.set_random_seed(seed)
        shape, classes = (self._size, self._size, 3), len(self.classes)
        if self._start is not None:
            headless = is_backbone(self._start)
            return classifier(self._start, classes, self._size) if headless else self._start
        if self._backbone is None:
            model = small_convnet_for(recipe, shape, classes, widths=WIDTHS)
        else:
            weights = None if self._weights == "none" else self._weights
            return classifier(self._backbone, classes, self._size, weights)
        if self._file is not None:
            base = next(layer for layer in model.layers if isinstance(layer, keras.Model))
            load_base_weights(base, self._file)
        return model


def input_size(model: keras.Model, image_size: int | None) -> int:
    """Returns the size of the images that a model takes."""
    if not is_backbone(model):
        find_head(model)
    shape = model.input_shape
    if len(shape) != 4 or shape[-1] != 3 or shape[1] != shape[2]:
        raise ValueError(
            f"The model in the file should take square RGB images. Received: inputs of {shape}."
        )
    if None not in (shape[1], image_size) and shape[1] != image_size:
        raise ValueError(f"The model takes images of size {shape[1]}. Received: {image_size}.")
    return shape[1] or image_size or 160
