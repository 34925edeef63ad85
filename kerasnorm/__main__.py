"""Runs the command: `python -m kerasnorm`."""

from kerasnorm.cli import main

raise SystemExit(main())
