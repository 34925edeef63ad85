"""What `kerasnorm fit FOLDER` trains where the folder has images and their masks."""

from collections.abc import Sequence

import keras

from kerasnorm._existing import (
    EDGES_FOLDER,
    IMAGES_FOLDER,
    check_shares,
    map_model_file,
    masks_folder_of,
)
from kerasnorm._types import StrPath
from kerasnorm.data import describe_unreadable
from kerasnorm.data.splitting import Scenes, split_scenes
from kerasnorm.imbalance import SegmentationFolder
from kerasnorm.models import load_model
from kerasnorm.problems._backbone import normalization_for, small_unet
from kerasnorm.problems._folder import describe_parts, describe_sizes
from kerasnorm.problems._folder_problem import input_size
from kerasnorm.recipe import Recipe
from kerasnorm.transfer import check_gives_maps

_CONTOURS = ("background", "contour")


class SceneProblem:
    """The images and masks of a folder by seed, and the model that starts on them.

    Args:
        path: the folder, with sub-folders "images" and "masks", and perhaps the names of the
            classes, one a line, in "classes.txt"; or "images" and "edges", pictures of contours, 0
            and 255.
        weights: "none" for a small U-Net, or the .keras file of a model that gives label maps.
        image_size: height and width; by default what the file says, or 64.
        shares: of the images, for validation and for the test; 0 for none.
        ignore_class: the label of pixels that have no class, or None.
        kept_in: as in `ImageFiles`.

    Raises:
        ValueError: if images or masks cannot be read, or the model is for others.
        OSError: if there is no such file.
    """

    def __init__(
        self,
        path: StrPath,
        weights: str = "none",
        image_size: int | None = None,
        shares: tuple[float, float] = (0.1, 0.2),
        ignore_class: int | None = None,
        kept_in: StrPath | None = None,
    ) -> None:
        file, self._start = map_model_file(weights), None
        self._into = "a small U-Net" if file is None else file.name
        if file is not None:
            self._start = load_model(file)
            check_gives_maps(self._start)
            image_size = input_size(self._start, image_size)
        self._size, self._shares = image_size or 64, check_shares(*shares)
        folders = IMAGES_FOLDER, masks_folder_of(path)
        self._contours = folders[1] == EDGES_FOLDER
        more = {"ignore_class": ignore_class, "contours": self._contours, "kept_in": kept_in}
        scenes = SegmentationFolder(path, self._size, *folders, **more)
        readable = scenes.readable()
        if not readable.all():
            raise ValueError(describe_unreadable(scenes.paths[~readable].tolist()))
        self._scenes = scenes
        numbers = map(str, range(scenes.labels.shape[1]))
        self.classes: Sequence[str] = (
            _CONTOURS if self._contours else scenes.class_names or tuple(numbers)
        )

    @property
    def pretrained(self) -> bool:
        """Whether there are weights to start from."""
        return self._start is not None

    @property
    def reads(self) -> str:
        """What goes into which model."""
        return f"{self._size}×{self._size} RGB, pixels 0 to 255, into {self._into}"

    def described(self, seed: int) -> str:
        """Returns what was read: classes, counts of the images that have them, parts, sizes."""
        having = dict(zip(self.classes, self._scenes.labels.sum(axis=0).tolist(), strict=False))
        found = ", ".join(f"{name} in {count}" for name, count in having.items())
        parts, sizes = describe_parts(self.data(seed)), describe_sizes(self._scenes.paths.tolist())
        return f"{self._scenes.size} images with masks of {len(having)} classes ({found}); " + (
            f"{parts}; {sizes}"
        )

    def doubts(self) -> list[str]:
        """Returns what seems to be wrong: nothing is looked for."""
        return []

    def data(self, seed: int) -> Scenes:
        """Returns the scenes for training, validation and test."""
        return split_scenes(self._scenes, *self._shares, seed)

    def model(
        self, recipe: Recipe, seed: int, callbacks: Sequence[keras.callbacks.Callback] = ()
    ) -> keras.Model:
        """Returns the model to start from; new weights are drawn from the seed."""
        if self._start is not None:
            return self._start
        keras.utils.set_random_seed(seed)
        shape = (self._size, self._size, 3)
        maps = 1 if self._contours else len(self.classes)
        return small_unet(shape, maps, normalization_for(recipe))
