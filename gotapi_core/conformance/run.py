"""Runs checks one after another and keeps what came of each."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final

from gotapi_core.conformance.model import Check, Failed, Outcome, Report, Rule, Skipped, Verdict
from gotapi_core.conformance.subject import Subject

log = logging.getLogger(__name__)

MOST: Final = 20.0  # seconds for one check; the slowest wait three


async def run_checks(
    subject: Subject, checks: Sequence[Check], told: Callable[[Outcome], None] | None = None
) -> Report:
    """Run checks against a hub; `told` hears of each outcome as it comes."""
    await subject.prepare()
    attempts = [(check, partial(check.run, subject)) for check in checks]
    return Report(subject.url, await attempt(attempts, told))


async def attempt(
    attempts: Iterable[tuple[Rule, Callable[[], Awaitable[None]]]],
    told: Callable[[Outcome], None] | None = None,
    most: float | None = None,
) -> tuple[Outcome, ...]:
    """Try rules one after another, each for `most` seconds; whatever is raised is an outcome."""
    outcomes = []
    for rule, run in attempts:
        outcome = await _try(rule, run, MOST if most is None else most)
        outcomes.append(outcome)
        if told is not None:
            told(outcome)
    return tuple(outcomes)


async def _try(rule: Rule, run: Callable[[], Awaitable[None]], most: float) -> Outcome:
    began = time.monotonic()
    verdict, reason = Verdict.PASS, ""
    try:
        async with asyncio.timeout(most):
            await run()
    except Failed as error:
        verdict, reason = Verdict.FAIL, str(error)
    except Skipped as error:
        verdict, reason = Verdict.SKIP, str(error)
    except TimeoutError:
        verdict, reason = Verdict.FAIL, f"it did not end within {most:g} s"
    except Exception as error:  # the boundary: whatever a foreign server sends, the run goes on
        log.exception("the check %s broke", rule.id)
        verdict, reason = Verdict.FAIL, f"the check itself broke: {error!r}"
    return Outcome(rule, verdict, reason, time.monotonic() - began)
