"""What every refusal of the command line is like."""

from kerasnorm.cli import main


def check_refused(folder, capsys, command, said):
    """One clear line, exit code 2, nothing written and nothing overwritten."""
    assert main(command.split()) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("kerasnorm: error: ") and said in lines[-1]
    assert sum(line.startswith("kerasnorm") for line in lines) == 1
    assert not (folder / "new.keras").exists() and (folder / "there.keras").read_text() == "text"
