"""A worker that is killed, or has no place to write, ends the job; the next one goes on from it."""

import re
import subprocess

import keras
import pytest

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

from distribute.cases import difference
from distribute.workers import begin, end, noted, run

pytestmark = pytest.mark.distributed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The weights of a job of four epochs that nothing happens to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run(2, "interrupted", folder, 0, "none", 4)
    return noted(folder, "interrupted")[0]


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_is_named_and_the_job_goes_on(tmp_path, undisturbed, victim):
    """Five steps an epoch, killed in the third epoch."""
    folder = tmp_path
    ended = end(begin(2, "interrupted", folder, 13, victim, 4), 90)
    assert ended[victim][0] == -9
    status, said = ended[1 - victim]
    name = "The chief" if victim == 0 else "Worker 1"
    assert status == 1
    assert f"ConnectionError: {name} has ended" in said
    assert {path.name for path in folder.glob("backup/*/*")} >= {"epoch-000001.npz"}
    run(2, "interrupted", folder, 0, "none", 4)
    found, logs = noted(folder, "interrupted")
    assert difference(found, undisturbed) == 0
    assert len(logs["loss"]) == 2
    assert not (folder / "backup").exists()


def test_a_full_disk_ends_all_workers_and_loses_nothing(tmp_path, undisturbed):
    """The second worker's folder is a disk of 40 kB: its second backup finds no place there."""
    disk = tmp_path / "backup/worker-1"
    disk.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        (disk / "other").write_bytes(bytes(20_000))
        first, second = end(begin(2, "interrupted", tmp_path, 0, "none", 4), 90)
        assert re.search(
            "OSError: The backup of epoch . cannot be written to .*No space", second[1]
        )
        assert "ConnectionError: Worker 1 has ended" in first[1]
        assert list(disk.glob("epoch-*"))
        (disk / "other").unlink()
        assert not list(disk.glob("part*"))
    finally:
        subprocess.run(["umount", disk], check=True)
    run(2, "interrupted", tmp_path, 0, "none", 4)
    assert difference(noted(tmp_path, "interrupted")[0], undisturbed) == 0
