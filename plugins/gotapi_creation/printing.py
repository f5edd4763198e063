"""3DCAPI-6: a finished model goes to a printer, with the application's own grant (7.7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gotapi_core.plugin import Others, Service
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.protocol.names import Method
from gotapi_creation.model import Job, ResultFile
from gotapi_creation.wire import Code, CreationError, Printed

if TYPE_CHECKING:
    from gotapi_creation.desk import Asker

_PROFILE: Final = "3dp"
_ORDER: Final = ("3mf", "stl", "obj", "glb")  # 3MF says its unit, so it goes first
_OWN: Final = frozenset({"uri", "securetoken", "accesstoken", "serviceid"})
Link = Callable[[Job, ResultFile, "Asker"], Awaitable[str]]


async def print_result(
    others: Others, link: Link, job: Job, asker: Asker, wishes: Mapping[str, str]
) -> Printed:
    """Put the model into a printer's queue; `printer` names it where there are several.

    All other wishes are parameters of the printer's printingCommand. Raises CreationError.
    """
    given = dict(wishes)
    wanted = given.pop("printer", "")
    try:
        found = await others.services(asker.application)
        printer = _choose([one for one in found if _PROFILE in one.scopes], wanted)
        params = {name: one for name, one in given.items() if name.lower() not in _OWN}
        params.setdefault("name", f"model of job {job.id}")
        params["uri"] = await link(job, _best(job), asker)
        answer = await others.call(
            asker.application,
            Method.PUT,
            _PROFILE,
            "printingCommand",
            printer.id,
            params,
            base_url=asker.base_url,
        )
    except GotapiError as error:
        message = f"The model was not printed: {error.message}"
        raise CreationError(Code.NOT_PRINTED, message) from error
    return Printed(printer.id, str(answer.get("jobId", "")))


def _choose(printers: Sequence[Service], wanted: str) -> Service:
    names = ", ".join(one.id for one in printers) or "none"
    if wanted:
        found = [one for one in printers if one.id == wanted]
        if not found:
            raise CreationError(
                Code.NOT_PRINTED, f"There is no printer '{wanted[:80]}'; there is: {names}"
            )
        return found[0]
    online = [one for one in printers if one.online]
    if len(online) != 1:
        raise CreationError(
            Code.NOT_PRINTED,
            f"Say with 'printer' which one is to print; there is: {names}. The access token must "
            "cover '3dp' too",
        )
    return online[0]


def _best(job: Job) -> ResultFile:
    whole = [one for one in job.results if not one.part] or list(job.results)
    ordered = [one for kind in _ORDER for one in whole if one.format == kind]
    if not ordered:
        raise CreationError(Code.NOT_PRINTED, "The model has no file that can be printed")
    return ordered[0]
