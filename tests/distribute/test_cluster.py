"""TF_CONFIG, as people write it."""

import json

import pytest
from backends import once

from kerasnorm.distribute._cluster import Cluster, read_cluster

pytestmark = once

TWO = ["10.0.0.1:2222", "host-b:2222"]


def config(cluster, task=("worker", 0)):
    return json.dumps({"cluster": cluster, "task": {"type": task[0], "index": task[1]}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        (config({"worker": ["a:1"]}), None),
        (config({"worker": TWO}, ("worker", 1)), Cluster(tuple(TWO), 1)),
        (config({"worker": ["c:1"], "chief": ["a:1"]}), Cluster(("a:1", "c:1"), 1)),
        (config({"worker": ["[::1]:1", "[::1]:2"]}), Cluster(("[::1]:1", "[::1]:2"), 0)),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": "1"}}',
         Cluster(("a:1", "b:1"), 1)),
    ],
)  # fmt: skip
def test_what_it_says(monkeypatch, text, expected):
    monkeypatch.setenv("TF_CONFIG", text)
    assert read_cluster() == expected
    assert expected is None or expected.is_chief == (expected.index == 0)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "is no JSON"),
        ("[]", "no 'cluster'"),
        ('{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}', "no 'cluster'"),
        (json.dumps({"cluster": {"worker": TWO}}), "no 'task'"),
        (config({"worker": TWO}, ("worker", -1)), "no 'task'"),
        (config({"worker": TWO}, ("worker", None)), "no 'task'"),
        (config({"worker": TWO}, ("worker", 2)), "worker 2, which it lacks"),
        (config({"worker": TWO}, ("chief", 0)), "chief 0, which it lacks"),
        (config({"worker": ["a:1", "a:1"]}), "an address twice"),
        (config({"worker": ["a:1", "b"]}), "'b' for an address"),
        (config({"worker": ["a:1", 5]}), "5 for an address"),
        (config({"worker": ["a:1", "b:99999"]}), "'b:99999' for an address"),
        (config({"worker": TWO, "chief": ["x:1", "y:1"]}), "more than one chief"),
        (config({"worker": TWO, "evaluator": ["x:1"]}), "'evaluator'"),
        (config({"worker": TWO, "ps": ["x:1"]}), "parameter servers.*not supported"),
    ],
)
def test_wrong_input_is_refused(monkeypatch, text, match):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=match):
        read_cluster()
