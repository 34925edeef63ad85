"""Saves backups of trainings: one file each, replaced atomically, with a fingerprint."""

from kerasnorm.backups._backup import Backup, opened
from kerasnorm.backups._callback_states import (
    describe_callbacks,
    restore_callbacks,
    states_of_callbacks,
)
from kerasnorm.backups._describe import checksum, describe, made_with, versions
from kerasnorm.backups._describe_data import describe_data
from kerasnorm.backups._fingerprints import check_fingerprint
from kerasnorm.backups._state_files import BackupError, read_state, write_state

__all__ = [
    "Backup",
    "BackupError",
    "check_fingerprint",
    "checksum",
    "describe",
    "describe_callbacks",
    "describe_data",
    "made_with",
    "opened",
    "read_state",
    "restore_callbacks",
    "states_of_callbacks",
    "versions",
    "write_state",
]
