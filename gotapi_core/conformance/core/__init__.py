"""The checks of GotAPI itself, in the order in which an application meets the rules."""

from gotapi_core.conformance.core import (
    authorization,
    bodies,
    cors,
    discovery,
    errors,
    events,
    mac,
    paths,
    safety,
    sockets,
)

CHECKS = tuple(
    check
    for module in (
        authorization, discovery, paths, errors, bodies, mac, cors, sockets, events, safety,
    )
    for check in module.RULES.checks
)  # fmt: skip
