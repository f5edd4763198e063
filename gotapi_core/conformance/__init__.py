"""Checks of the rules of GotAPI and of Device WebAPIs, against any hub.

The package speaks to a hub over HTTP and WebSocket only, as an application would, and imports
nothing of ours but the protocol's vocabulary.
"""

from gotapi_core.conformance.classes import CLASSES, CheckClass
from gotapi_core.conformance.model import Check, Level, Outcome, Report, Rule, Verdict
from gotapi_core.conformance.run import run_checks
from gotapi_core.conformance.subject import Operator, Subject, Times
from gotapi_core.conformance.suite import Suite, Target
from gotapi_core.conformance.transport import HttpTransport

__all__ = [
    "CLASSES",
    "Check",
    "CheckClass",
    "HttpTransport",
    "Level",
    "Operator",
    "Outcome",
    "Report",
    "Rule",
    "Subject",
    "Suite",
    "Target",
    "Times",
    "Verdict",
    "run_checks",
]
