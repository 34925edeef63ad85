"""Lists in messages, and what differs between two plans."""

import pytest

from kerasnorm._validation import differences, joined, listed


@pytest.mark.parametrize(
    ("items", "most", "expected"),
    [
        ([], None, ""),
        ("a", 2, "'a'"),
        ("ab", 2, "'a', 'b'"),
        ("abc", 2, "'a', 'b' and 1 more"),
        (iter("abcd"), 1, "'a' and 3 more"),
        ([1, 2.5], None, "1, 2.5"),
    ],
)
def test_listed(items, most, expected):
    assert listed(items, most) == expected


def test_joined_by_other_marks():
    assert joined(["a", "b", "c"], most=2, between="; ") == "a; b and 1 more"


@pytest.mark.parametrize(
    ("began", "plan", "expected"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": 1, "old": 2}, {"a": 1}, None),  # what is no longer asked for
        ({"a": 1}, {"a": 2}, ("a=1", "a=2")),
        ({}, {"a": "x", "b": 3}, ("a=None, b=None", "a='x', b=3")),
    ],
)
def test_differences(began, plan, expected):
    assert differences(began, plan) == expected
