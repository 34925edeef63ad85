"""Models of TensorFlow Addons and Keras 2, read without either."""

from kerasnorm.migrate.folding import fold_weight_norm
from kerasnorm.migrate.loading import load_tfa_model, load_tfa_weights

__all__ = ["fold_weight_norm", "load_tfa_model", "load_tfa_weights"]
