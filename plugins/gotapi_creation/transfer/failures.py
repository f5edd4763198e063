"""What can go wrong with a file, in words for whoever sent it. PURE."""

# ruff: noqa: N818  # the classes carry what happened; they all are TransferErrors
from typing import ClassVar

from gotapi_creation.wire.codes import Code, CreationError


class TransferError(CreationError):
    """A file could not be moved; `code` is what goes over the wire as `result`."""

    kind: ClassVar[Code] = Code.ERROR

    def __init__(self, message: str, code: Code | None = None) -> None:
        super().__init__(self.kind if code is None else code, message)


class BadPicture(TransferError):
    """The file is no picture that can be used."""

    kind = Code.BAD_PICTURE


class TooLarge(TransferError):
    """The file has more bytes than are allowed."""

    kind = Code.INVALID_PARAMETER


class Mismatch(TransferError):
    """What arrived is not what was announced."""

    kind = Code.INVALID_PARAMETER


class BrokenRules(TransferError):
    """The other side does not follow the protocol."""

    kind = Code.INVALID_PARAMETER


class UnknownFile(TransferError):
    """There is no such file here, or its key is wrong; the two look the same from outside."""

    kind = Code.UNKNOWN_FILE


class AlreadyThere(TransferError):
    """The file is complete already; a file is written once."""

    kind = Code.ILLEGAL_STATE


class StorageFull(TransferError):
    """There is no room on the disk."""

    kind = Code.STORAGE_FULL


class Cut(TransferError):
    """The connection went away or said nothing for too long; what arrived is kept."""

    kind = Code.SERVICE_TIMEOUT
