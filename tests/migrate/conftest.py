import pytest
from migrate.old_files import unpack


@pytest.fixture
def old(tmp_path):
    """Returns a function from the name of a model, or of a file of it, to that file's path."""

    def path(file, name=None):
        folder = tmp_path / "old"
        unpack(name or file, folder)
        return folder / file

    return path
