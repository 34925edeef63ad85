"""Lists in messages."""

import pytest

from kerasnorm._validation import joined, listed


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
