"""Code run by a new Python, as a user's next session would."""

import subprocess
import sys


def run_in_a_new_process(code, *arguments, env=None):
    """Returns what the code prints; fails with the end of what it says if it does not succeed."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
