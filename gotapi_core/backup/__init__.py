"""Backup and restore of all that a hub keeps: one ZIP file with a manifest."""

from gotapi_core.backup.manifest import BackupError, Entry, Manifest
from gotapi_core.backup.reading import OpenBackup, open_backup
from gotapi_core.backup.restoring import Restored, restore, undo_cut_off
from gotapi_core.backup.writing import save_backup, write_backup

__all__ = [
    "BackupError",
    "Entry",
    "Manifest",
    "OpenBackup",
    "Restored",
    "open_backup",
    "restore",
    "save_backup",
    "undo_cut_off",
    "write_backup",
]
