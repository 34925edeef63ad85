"""Plants the faults of mutations.toml one by one, and records which test catches each.

python benchmarks/mutations.py --tree . --out mutations.jsonl

A fault is planted in a copy of the tree under a temporary directory, and the tests that the table
names for it run, which may be files, single tests or folders. In the end, where all of them miss
it, the folders that they are in run too. Faults that the file already has a line of are skipped,
so an interrupted run resumes.
"""

import argparse
import dataclasses
import json
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from forked_tests import run_tests

TABLE = Path(__file__).with_suffix(".toml")
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "*.egg-info")


@dataclasses.dataclass(frozen=True)
class Fault:
    """One line changed: `old`, which occurs once in `file`, becomes `new`."""

    name: str
    part: str
    file: str
    old: str
    new: str
    tests: list[str]

    def planted(self, text: str) -> str:
        """Returns the file's text with the fault in it."""
        count = text.count(self.old)
        if count != 1:
            raise ValueError(
                f"Fault {self.name!r}: {self.old!r} should occur once in {self.file}. "
                f"Received: {count} times. Correct it in {TABLE.name}."
            )
        return text.replace(self.old, self.new)


def main() -> None:
    arguments = _arguments()
    faults = [Fault(**each) for each in tomllib.loads(TABLE.read_text())["fault"]]
    if arguments.only:
        faults = [each for each in faults if {each.name, each.part} & {*arguments.only}]
    tree = arguments.tree.resolve()
    for fault in faults:
        fault.planted((tree / fault.file).read_text())
    done = {row["name"]: row for row in _rows(arguments.out)}
    clean: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as scratch:
        copies: Queue[Path] = Queue()
        for number in range(arguments.jobs):
            copies.put(shutil.copytree(tree, Path(scratch, str(number)), ignore=LEFT_OUT))

        def judge(faults: list[Fault], widened: bool) -> None:
            def run(fault: Fault) -> dict:
                copy = copies.get()
                try:
                    return _judge(fault, copy, widened, clean)
                finally:
                    copies.put(copy)

            with ThreadPoolExecutor(arguments.jobs) as threads:
                for row in threads.map(run, faults):
                    done[row["name"]] = row
                    with arguments.out.open("a") as file:
                        file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    print(_line(row), flush=True)

        judge([fault for fault in faults if fault.name not in done], widened=False)
        if not arguments.narrow:
            missed = [fault for fault in faults if not done[fault.name]["caught"]]
            judge([fault for fault in missed if not done[fault.name]["widened"]], widened=True)
        _print_table([done[fault.name] for fault in faults])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tree", type=Path, default=Path(), help="of the package and its tests")
    parser.add_argument("--out", type=Path, default=Path("mutations.jsonl"))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="names of faults, or of parts")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--narrow", action="store_true", help="leave out the runs of whole folders")
    return parser.parse_args()


def _rows(path: Path) -> Iterator[dict]:
    if path.exists():
        yield from map(json.loads, path.read_text().splitlines())


def _judge(fault: Fault, copy: Path, widened: bool, clean: dict[str, bool]) -> dict:
    """Returns what the tests say of a copy of the tree with the fault, which is removed again.

    `clean` says of tests whether they pass without a fault; those that do not catch nothing.
    """
    path = copy / fault.file
    whole = path.read_text()
    tests = [_found(test, copy) for test in fault.tests]
    if widened:
        tests = [_folder(test) for test in tests]
    killer, seconds, judged = None, 0.0, False
    while not judged:
        broken = [f"--deselect={test}" for test, passes in clean.items() if not passes]
        path.write_text(fault.planted(whole))
        try:
            outcome = run_tests(list(dict.fromkeys(tests)), copy, *broken)
        finally:
            path.write_text(whole)
        killer, seconds = outcome.first_failure, seconds + outcome.seconds
        if killer is not None and killer not in clean:
            clean[killer] = "::" not in killer or not run_tests([killer], copy).first_failure
        judged = killer is None or clean[killer]
    return {
        "name": fault.name,
        "part": fault.part,
        "file": fault.file,
        "caught": killer is not None,
        "by": killer,
        "widened": widened,
        "seconds": round(seconds, 1),
    }


def _found(test: str, tree: Path) -> str:
    """Returns a test, or where it is gone, the file or folder that it was in."""
    file, _, function = test.partition("::")
    if (tree / file).exists():
        gone = function and f"def {function}(" not in (tree / file).read_text()
        return file if gone else test
    folder, _, name = file.rpartition("/")
    if folder != "tests":
        return _found(folder, tree)
    subject = name.removeprefix("test_").removesuffix(".py")
    for path in sorted((tree / "tests").iterdir()):
        if subject in path.name:
            return f"tests/{path.name}"
    raise ValueError(f"There is no {test!r}, nor what could have replaced it. Correct the table.")


def _folder(test: str) -> str:
    file = test.partition("::")[0]
    folder = file.rpartition("/")[0]
    return file if folder == "tests" else folder


def _line(row: dict) -> str:
    verdict = "caught" if row["caught"] else "MISSED"
    return f"{verdict}  {row['seconds']:6.1f} s  {row['part']}: {row['name']}  {row['by'] or ''}"


def _print_table(rows: list[dict]) -> None:
    print("\npart           faults  caught  missed")
    for part in dict.fromkeys(row["part"] for row in rows):
        verdicts = [row["caught"] for row in rows if row["part"] == part]
        print(f"{part:14} {len(verdicts):6} {sum(verdicts):7} {verdicts.count(False):7}")
    missed = [row["name"] for row in rows if not row["caught"]]
    print(f"{'all':14} {len(rows):6} {len(rows) - len(missed):7} {len(missed):7}")
    print(f"missed: {'; '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()
