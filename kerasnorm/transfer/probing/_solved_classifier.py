"""`solve_head` as a scikit-learn classifier."""

import functools
from typing import Any

import numpy as np

from kerasnorm.transfer.solving import solve_head


@functools.cache
def solved_classifier() -> type:
    """Returns the class, which needs scikit-learn."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class SolvedClassifier(ClassifierMixin, BaseEstimator):
        """A solved head, its penalty chosen by cross-validation, all classes counting alike.

        Attributes:
            classes_: The labels, (K,).
            coef_, intercept_: (K, D) and (K,), or of two classes (1, D) and (1,), as in
                scikit-learn's LogisticRegression.
        """

        def fit(self, features: np.ndarray, y: np.ndarray) -> "SolvedClassifier":
            self.classes_, codes = np.unique(y, return_inverse=True)
            head = solve_head(features, codes)
            self.coef_, self.intercept_ = head.kernel.T, head.bias
            if len(self.classes_) == 2:
                self.coef_ = np.diff(self.coef_, axis=0)
                self.intercept_ = np.diff(self.intercept_)
            self.n_features_in_ = features.shape[1]
            return self

        def decision_function(self, features: np.ndarray) -> np.ndarray:
            scores = features @ self.coef_.T + self.intercept_
            return scores[:, 0] if scores.shape[1] == 1 else scores

        def predict_proba(self, features: np.ndarray) -> np.ndarray:
            scores = self._logits(features)
            shares = np.exp(scores - scores.max(axis=1, keepdims=True))
            return shares / shares.sum(axis=1, keepdims=True)

        def predict(self, features: np.ndarray) -> np.ndarray:
            return self.classes_[self._logits(features).argmax(axis=1)]

        def _logits(self, features: np.ndarray) -> Any:
            scores = self.decision_function(features)
            return np.stack([0 * scores, scores], axis=1) if scores.ndim == 1 else scores

    return SolvedClassifier
