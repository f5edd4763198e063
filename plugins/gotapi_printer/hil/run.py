"""Runs the programme step by step and keeps what was found."""

import time
from collections.abc import Callable

from gotapi_printer.hil.bench import Bench, StepFailed, StepSkipped
from gotapi_printer.hil.programme import PROGRAMME, Risk, Step, StepId
from gotapi_printer.hil.report import Outcome, Result
from gotapi_printer.hil.steps import STEPS
from gotapi_printer.updates import DriverState

__all__ = ["Allow", "Tell", "run_programme"]

RECOVER_SECONDS = 15.0
"""For a printer whose last step failed to be online again; else the rest is left out."""

Allow = Callable[[Risk], bool]
Tell = Callable[[Result], None]


def run_programme(bench: Bench, allow: Allow, tell: Tell) -> list[Result]:
    """Run every step that is allowed and makes sense; `allow` is asked once for each risk."""
    found: dict[StepId, Result] = {}
    allowed: dict[Risk, bool] = {Risk.NOTHING: True}
    for step in PROGRAMME:
        reason = _left_out(step, found, bench)
        if not reason:
            if step.risk not in allowed:
                allowed[step.risk] = allow(step.risk)
            if not allowed[step.risk]:
                reason = f"it {step.risk.name.lower()}, which was not allowed"
        if reason:
            result = Result(step.id.value, step.title, Outcome.SKIPPED, problem=reason)
        else:
            result = _run(step, bench)
        found[step.id] = result
        tell(result)
    return list(found.values())


def _left_out(step: Step, found: dict[StepId, Result], bench: Bench) -> str:
    """Why a step cannot be made, empty where it can."""
    if step.after is not None and found[step.after].outcome is not Outcome.PASSED:
        return f"the step '{found[step.after].title}' has not passed"
    if step.after is not None and not _ready(bench):
        return f"the printer is {bench.update.state.value}: {bench.update.message}"
    return ""


def _ready(bench: Bench) -> bool:
    if bench.update.state is DriverState.HALTED:
        return False
    try:
        bench.until(lambda update: update.state is DriverState.ONLINE, RECOVER_SECONDS, "a printer")
    except StepFailed:
        return False
    return True


def _run(step: Step, bench: Bench) -> Result:
    bench.transcript.add("#", f"step: {step.title}")
    began = time.monotonic()
    facts: list[str] = []
    outcome, problem = Outcome.PASSED, ""
    try:
        facts = STEPS[step.id](bench)
    except StepSkipped as reason:
        outcome, problem = Outcome.SKIPPED, str(reason)
    except StepFailed as reason:
        outcome, problem = Outcome.FAILED, str(reason)
    bench.transcript.add("#", f"{outcome.value}: {step.title} {problem}".rstrip())
    took = round(time.monotonic() - began, 2)
    return Result(step.id.value, step.title, outcome, took, tuple(facts), problem)
