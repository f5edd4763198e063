"""What the operator approved of a plug-in, and how that differs from what is there now. PURE."""

from collections.abc import Mapping, Sequence

import msgspec

from gotapi_core.plugin.rights import Rights, beyond, words


class Subject(msgspec.Struct, frozen=True):
    """A plug-in as it is now: what the operator is asked about."""

    version: str
    runs: str  # the module that is imported, or the command that is run
    distribution: str  # name and version of the Python distribution; empty for a folder
    rights: Rights
    digest: str
    files: Mapping[str, str]  # path -> short hash


class Approval(msgspec.Struct, frozen=True):
    """What the operator approved, and when (seconds since 1970)."""

    version: str
    runs: str
    distribution: str
    rights: Rights
    digest: str
    approved: float
    files: dict[str, str] | None = None  # None where there are too many to be kept


def approval_of(subject: Subject, now: float, *, most_files: int) -> Approval:
    """Return the approval of what is there now."""
    files = dict(subject.files) if len(subject.files) <= most_files else None
    return Approval(
        subject.version,
        subject.runs,
        subject.distribution,
        subject.rights,
        subject.digest,
        now,
        files,
    )


def differences(approved: Approval, now: Subject) -> tuple[str, ...]:
    """Return in words what is no longer as it was approved; nothing where all is."""
    found = [
        f"{what} {old or 'none'} → {new or 'none'}"
        for what, old, new in (
            ("version", approved.version, now.version),
            ("package", approved.distribution, now.distribution),
            ("it runs", approved.runs, now.runs),
        )
        if old != new
    ]
    if approved.digest != now.digest:
        found.append(_changed_files(approved.files, now.files))
    wider = words(beyond(approved.rights, now.rights))
    if wider:
        found.append(f"now also wants {'; '.join(wider)}")
    return tuple(found)


def _changed_files(old: Mapping[str, str] | None, new: Mapping[str, str]) -> str:
    if old is None:
        return "its files changed"
    changed = [path for path in old if path in new and old[path] != new[path]]
    counts = (
        (len(changed), "changed"),
        (len(new.keys() - old.keys()), "new"),
        (len(old.keys() - new.keys()), "gone"),
    )
    return _listed([(count, what) for count, what in counts if count])


def _listed(counts: Sequence[tuple[int, str]]) -> str:
    if not counts:  # two files with the same short hash; the whole one tells them apart
        return "its files changed"
    (first, what), *rest = counts
    texts = [f"{first} file{'' if first == 1 else 's'} {what}"]
    return ", ".join((*texts, *(f"{count} {what}" for count, what in rest)))
