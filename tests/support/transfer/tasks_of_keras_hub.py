"""A task as KerasHub makes them: preprocessing is outside of the graph, in layers never built."""

import keras


class ImageConverter(keras.layers.Layer):
    """Resizes by a layer that is never built, and knows the scale and offset of the pixels."""

    def __init__(self, scale, offset):
        super().__init__()
        self.resizing = keras.layers.Resizing(32, 32)
        self.scale, self.offset = scale, offset

    def build(self, input_shape=None):
        self.built = True


class Preprocessor(keras.layers.Layer):
    def __init__(self, converter):
        super().__init__()
        self.image_converter = converter
        self.built = True


class Task(keras.Model):
    """The backbone, pooling and a head; made of its arguments, as a file of it is."""

    def __init__(self, backbone, classes=7, scale=None, offset=None, **kwargs):
        pooled = keras.layers.GlobalAveragePooling2D()(backbone.outputs[0])
        outputs = keras.layers.Dense(classes, name="predictions")(pooled)
        super().__init__(backbone.inputs[0], outputs, **kwargs)
        self.backbone, self.classes = backbone, classes
        converter = ImageConverter(scale, offset)
        converter.build()
        self.preprocessor = Preprocessor(converter)

    def get_config(self):
        converter = self.preprocessor.image_converter
        return {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "classes": self.classes,
            "scale": converter.scale,
            "offset": converter.offset,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        backbone = keras.saving.deserialize_keras_object(config.pop("backbone"))
        return cls(backbone, **config)
