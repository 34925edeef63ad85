"""Signs of life, by files that change."""

import time

import pytest
from backends import once

from kerasnorm.tuning._heartbeat import Heartbeat, LostError, Watch

pytestmark = once


def test_only_what_changes_is_alive(tmp_path):
    watch = Watch(tmp_path, timeout=0.5)
    with Heartbeat(tmp_path, "beating", timeout=0.5) as heartbeat:
        (tmp_path / "silent").write_text("17")  # killed, which leaves its file
        assert watch.alive() == {"beating", "silent"}  # it may have just begun
        time.sleep(0.7)
        assert watch.alive() == {"beating"} and watch.silence() < 0.5
        heartbeat.check()
    assert watch.alive() == set() and not (tmp_path / "beating").exists()
    time.sleep(0.6)
    assert watch.alive() == set() and watch.silence() > 0.5


def test_one_that_was_heard_of_may_be_seen_late(tmp_path):
    """On folders of the network; one that was seen and is gone has left."""
    watch = Watch(tmp_path, timeout=0.5)
    assert watch.alive(["late", "lost"]) == {"late", "lost"}
    with Heartbeat(tmp_path, "late", timeout=0.5):
        time.sleep(0.6)
        assert watch.alive(["late", "lost"]) == {"late"}
    assert watch.alive(["late"]) == watch.alive(["late"]) == set()


def test_one_that_was_taken_for_lost_learns_of_it(tmp_path):
    """It cannot come back to life by a further beat."""
    watch = Watch(tmp_path, timeout=60)
    with Heartbeat(tmp_path, "slow", timeout=0.1) as heartbeat:
        watch.forget_all()
        time.sleep(0.1)
        assert watch.alive() == set()
        with pytest.raises(LostError, match=r"'slow', is considered lost.* for 0\.1 s"):
            heartbeat.check()


def test_a_process_that_is_started_again_is_alive(tmp_path):
    watch = Watch(tmp_path, timeout=60)
    (tmp_path / "worker").write_text("17")
    watch.alive()
    with Heartbeat(tmp_path, "worker", timeout=60) as heartbeat:
        assert watch.alive() == {"worker"}
        heartbeat.check()
