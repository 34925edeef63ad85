"""Batches of arrays without tf.data, as a user writes them."""

import keras


class Batches(keras.utils.PyDataset):
    """Batches of a structure of arrays, in order."""

    def __init__(self, parts, batch_size, **workers):
        super().__init__(**workers)
        self.parts, self.batch_size = parts, batch_size
        size = len(keras.tree.flatten(parts)[0])
        self.made = [
            keras.tree.map_structure(lambda part, at=at: part[at : at + batch_size], parts)
            for at in range(0, size, batch_size)
        ]

    def __len__(self):
        return len(self.made)

    def __getitem__(self, index):
        return self.made[index]
