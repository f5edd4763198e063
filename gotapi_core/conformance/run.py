"""Runs checks one after another and keeps what came of each."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from gotapi_core.conformance.model import Check, Failed, Outcome, Report, Skipped, Verdict
from gotapi_core.conformance.subject import Subject

log = logging.getLogger(__name__)

MOST: Final = 20.0  # seconds for one check; the slowest wait three


async def run_checks(
    subject: Subject, checks: Sequence[Check], told: Callable[[Outcome], None] | None = None
) -> Report:
    """Run checks against a hub; `told` hears of each outcome as it comes."""
    await subject.prepare()
    outcomes = []
    for check in checks:
        outcome = await _run(subject, check)
        outcomes.append(outcome)
        if told is not None:
            told(outcome)
    return Report(subject.url, tuple(outcomes))


async def _run(subject: Subject, check: Check) -> Outcome:
    began = time.monotonic()
    verdict, reason = Verdict.PASS, ""
    try:
        async with asyncio.timeout(MOST):
            await check.run(subject)
    except Failed as error:
        verdict, reason = Verdict.FAIL, str(error)
    except Skipped as error:
        verdict, reason = Verdict.SKIP, str(error)
    except TimeoutError:
        verdict, reason = Verdict.FAIL, f"it did not end within {MOST:g} s"
    except Exception as error:  # the boundary: whatever a foreign hub sends, the run goes on
        log.exception("the check %s broke", check.id)
        verdict, reason = Verdict.FAIL, f"the check itself broke: {error!r}"
    return Outcome(check, verdict, reason, time.monotonic() - began)
