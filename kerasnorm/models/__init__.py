"""Whole models: walked, copied, cut at the head, frozen."""

from kerasnorm.models._become import become, build_like
from kerasnorm.models._copy_model import copy_model, copy_with_twins
from kerasnorm.models._finish import compile_like, finish
from kerasnorm.models._flags import match_flags, set_trainable
from kerasnorm.models._fresh_metrics import fresh_metrics
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
from kerasnorm.models._graphs import (
    Use,
    calls,
    first_call,
    graph_of,
    has_mask,
    in_training,
    inputs_of,
    is_given_mask,
    makers,
    outputs_on,
    readers,
    uses,
)
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
from kerasnorm.models._keras import (
    begin_at,
    flag_of,
    optimized_by,
    own_non_trainable,
    own_trainable,
    put_under_path_of,
    set_flag,
)
from kerasnorm.models._leaf_rows import LeafRow, leaf_rows, leaf_table
from kerasnorm.models._leaves import (
    Leaf,
    every_layer,
    has_statistics,
    leaves,
    sublayers,
    with_inside,
)
from kerasnorm.models._load_model import load_model
from kerasnorm.models._other_calls import other_calls

__all__ = [
    "Leaf",
    "LeafRow",
    "Use",
    "become",
    "begin_at",
    "build_like",
    "calls",
    "classes_of",
    "compile_like",
    "copy_model",
    "copy_with_twins",
    "every_layer",
    "find_dense_head",
    "find_head",
    "finish",
    "first_call",
    "flag_of",
    "fresh_metrics",
    "gives_logits",
    "gives_maps",
    "graph_of",
    "has_mask",
    "has_statistics",
    "head_and_after",
    "ignores_trainable",
    "in_training",
    "inputs_of",
    "is_given_mask",
    "is_graph",
    "last_layer",
    "leaf_rows",
    "leaf_table",
    "leaves",
    "load_model",
    "makers",
    "match_flags",
    "optimized_by",
    "origin_of",
    "other_calls",
    "outputs_on",
    "own_non_trainable",
    "own_trainable",
    "plain_class",
    "plain_config",
    "put_under_path_of",
    "readers",
    "remember",
    "set_flag",
    "set_statistics",
    "set_trainable",
    "statistics_move",
    "statistics_set",
    "sublayers",
    "uses",
    "with_inside",
]
