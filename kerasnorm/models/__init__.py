"""Whole models: walked, copied, cut at the head, frozen."""

from kerasnorm.models._become import become, build_like
from kerasnorm.models._copy_model import copy_model, copy_with_twins
from kerasnorm.models._finish import compile_like, finish
from kerasnorm.models._flags import match_flags, set_trainable
from kerasnorm.models._frozen import (
    ignores_trainable,
    origin_of,
    plain_class,
    plain_config,
    remember,
    set_statistics,
    statistics_move,
    statistics_set,
)
from kerasnorm.models._graphs import Use, graph_of, has_mask, in_training, uses
from kerasnorm.models._heads import (
    classes_of,
    find_dense_head,
    find_head,
    gives_logits,
    gives_maps,
    head_and_after,
    is_graph,
    last_layer,
)
from kerasnorm.models._leaves import Leaf, every_layer, has_statistics, leaves, sublayers
from kerasnorm.models._load_model import load_model

__all__ = [
    "Leaf",
    "Use",
    "become",
    "build_like",
    "classes_of",
    "compile_like",
    "copy_model",
    "copy_with_twins",
    "every_layer",
    "find_dense_head",
    "find_head",
    "finish",
    "gives_logits",
    "gives_maps",
    "graph_of",
    "has_mask",
    "has_statistics",
    "head_and_after",
    "ignores_trainable",
    "in_training",
    "is_graph",
    "last_layer",
    "leaves",
    "load_model",
    "match_flags",
    "origin_of",
    "plain_class",
    "plain_config",
    "remember",
    "set_statistics",
    "set_trainable",
    "statistics_move",
    "statistics_set",
    "sublayers",
    "uses",
]
