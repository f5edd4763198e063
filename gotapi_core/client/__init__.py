"""What applications in Python import: the hub's client, its values and its failures."""

from gotapi_core.client.answers import Event, Token
from gotapi_core.client.device import Code
from gotapi_core.client.errors import (
    ConsentDenied,
    ConsentPending,
    HubError,
    HubFault,
    HubIdentityChanged,
    HubImpostor,
    HubRefused,
    HubUnreachable,
    HubUntrusted,
    TokenRejected,
)
from gotapi_core.client.events import Events
from gotapi_core.client.hub_client import DEFAULT_URL, Availability, HubClient
from gotapi_core.client.printer import Printer, StatusEvents
from gotapi_core.client.proof import HubKey
from gotapi_core.client.status import JobState, PastPrint, PrinterStatus, PrintJob, Prompt
from gotapi_core.client.trust import Trust
from gotapi_core.client.upload import FileChanged, StoredFile
from gotapi_core.protocol.messages import Service

__all__ = [
    "DEFAULT_URL",
    "Availability",
    "Code",
    "ConsentDenied",
    "ConsentPending",
    "Event",
    "Events",
    "FileChanged",
    "HubClient",
    "HubError",
    "HubFault",
    "HubIdentityChanged",
    "HubImpostor",
    "HubKey",
    "HubRefused",
    "HubUnreachable",
    "HubUntrusted",
    "JobState",
    "PastPrint",
    "PrintJob",
    "Printer",
    "PrinterStatus",
    "Prompt",
    "Service",
    "StatusEvents",
    "StoredFile",
    "Token",
    "TokenRejected",
    "Trust",
]
