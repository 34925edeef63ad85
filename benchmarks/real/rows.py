"""The ways to carry a network over to other pictures, a row of the table each.

A way of `ON_FEATURES` sees what the frozen network makes of the pictures, pooled; one of
`ON_PICTURES` the pictures. Each returns scores of the test's pictures, (N, K), or a dict of them by
what the training ended with.
"""

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from kerasnorm.imbalance import class_weights
from kerasnorm.recipe import Recipe, advise, fit
from kerasnorm.transfer import replace_head, solve_head

EPOCHS, BATCH = 10, 32
GUIDE_HEAD, GUIDE_ALL = 5, 5  # of the Keras guide's 20 and 10, so that all ways have ten
GUIDE_RATES = 1e-3, 1e-5


def solved_head(train, validation, test):
    head = solve_head(train.x, train.y)
    return test.x @ head.kernel + head.bias


def of_scikit_learn(estimator):
    def way(train, validation, test):
        fitted = make_pipeline(StandardScaler(), estimator()).fit(train.x, train.y)
        scores = fitted.decision_function(test.x)
        return scores if scores.ndim == 2 else np.stack([-scores, scores], axis=1) / 2

    return way


def trained_head(weighed):
    """A Dense layer trained for ten epochs, the last weights."""

    def way(train, validation, test):
        model = keras.Sequential(
            [keras.Input(train.x.shape[1:]), keras.layers.Dense(_classes(train))]
        )
        _train(model, train, GUIDE_RATES[0], EPOCHS, weighed)
        return model.predict(test.x, verbose=0)

    return way


ON_FEATURES = {
    "solved head": solved_head,
    "logistic regression": of_scikit_learn(lambda: LogisticRegression(max_iter=5000)),
    "logistic regression, balanced": of_scikit_learn(
        lambda: LogisticRegression(max_iter=5000, class_weight="balanced")
    ),
    "linear SVM, balanced": of_scikit_learn(
        lambda: LinearSVC(class_weight="balanced", dual="auto", max_iter=10_000)
    ),
    "trained head": trained_head(weighed=False),
    "trained head, class weights": trained_head(weighed=True),
}


def keras_guide(weighed):
    """Keras' guide "Transfer learning and fine-tuning", at as many epochs as all others."""

    def way(network, train, validation, test, seed):
        x = keras.layers.GlobalAveragePooling2D()(network(network.input, training=False))
        x = keras.layers.Dropout(0.2)(x)
        model = keras.Model(network.input, keras.layers.Dense(_classes(train))(x))
        for trainable, rate, epochs in zip(
            (False, True), GUIDE_RATES, (GUIDE_HEAD, GUIDE_ALL), strict=True
        ):
            network.trainable = trainable
            _train(model, train, rate, epochs, weighed)
        return model.predict(test.x, verbose=0)

    return way


class Ends(keras.callbacks.Callback):
    """Scores the test by the weights that the training of all layers begins and ends with."""

    def __init__(self, test):
        super().__init__()
        self.test, self.scores = test, {}

    def on_train_begin(self, logs=None):
        self.scores["solved head, of it"] = self._score()

    def on_train_end(self, logs=None):
        self.scores["last epoch"] = self._score()

    def _score(self):
        return self.model.predict(self.test.x, batch_size=BATCH, verbose=0)


def recipe(augmented=False, batch_size=BATCH, **fields):
    """Fine-tunes; of one training the start, the last epoch and what is kept are scored."""

    def way(network, train, validation, test, seed):
        ends = Ends(test)
        settings = {"augmentation": _augmentation() if augmented else None, "callbacks": [ends]}
        settings["batch_size"] = batch_size
        kept = _scores(Recipe(**fields), network, train, validation, test, seed, **settings)
        return {"kept": kept, **ends.scores}

    return way


def advised(network, train, validation, test, seed):
    advice = advise(replace_head(network, _classes(train)), train, seed=seed)
    return _scores(advice, network, train, validation, test, seed)


def _scores(way, network, train, validation, test, seed, **settings):
    settings = {"batch_size": BATCH, "seed": seed, "classes": _classes(train), **settings}
    run = fit(way, network, train, validation, EPOCHS, verbose=0, **settings)
    return run.model.predict(test.x, verbose=0)


def _augmentation():
    layers = keras.layers
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.08, 0.08, fill_mode="nearest"),
            layers.RandomZoom(0.1, fill_mode="nearest"),
        ]
    )


def _classes(part):
    return int(part.y.max()) + 1


def _train(model, part, rate, epochs, weighed):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    weights = class_weights(np.bincount(part.y)) if weighed else None
    model.fit(part.x, part.y, batch_size=BATCH, epochs=epochs, class_weight=weights, verbose=0)


BALANCED = {"loss": "balanced_softmax"}
ON_PICTURES = {
    "Keras guide": keras_guide(weighed=False),
    "Keras guide, class weights": keras_guide(weighed=True),
    "fine-tuned, 1e-4": recipe(**BALANCED),
    "fine-tuned, 1e-4, batches of 16": recipe(**BALANCED, batch_size=16),
    "fine-tuned, 1e-4, batches of 16, cosine": recipe(**BALANCED, batch_size=16, schedule="cosine"),
    "fine-tuned, 3e-4": recipe(**BALANCED, transfer_settings={"base_learning_rate": 3e-4}),
    "fine-tuned, 1e-4, statistics move": recipe(
        **BALANCED, transfer_settings={"batchnorm": "train"}
    ),
    "fine-tuned, 3e-4, decay 0.95": recipe(
        **BALANCED, transfer_settings={"base_learning_rate": 3e-4, "decay": 0.95}
    ),
    "fine-tuned, 1e-4, augmented": recipe(augmented=True, **BALANCED),
    "advise + fit": advised,
}
