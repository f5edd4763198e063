"""Routes about content servers: DWAPI-3DP 7.2.4 and 7.2.6."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import msgspec

from gotapi_core.plugin import Call, Context, Result, SurfaceReply, SurfaceRequest, get, surface
from gotapi_core.protocol.errors import InvalidParameter, NotAuthorized, StorageFull
from gotapi_printer.content import folder as contents
from gotapi_printer.content.client import ContentClient, FetchError
from gotapi_printer.content.folder import ContentFolder, FileTokens
from gotapi_printer.content.rules import UrlError, site_of
from gotapi_printer.content.servers import ContentServer, Registered, ServerError, check
from gotapi_printer.model import PrinterSettings

COPY = "copy-"  # how the names of copies begin that live for one request
FILES = "contents"  # the folder of that name, unless the settings name another
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
BLOBS = "/blobs/"  # where the hub keeps uploads

log = logging.getLogger(__name__)


class ServerEntry(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One content server (figure 9); `reason` says why there is no token."""

    servicename: str
    url: str
    secure_token: str
    reason: str = ""


class ConnectingResult(Result):
    """GET serviceconnecting."""

    contentserver: tuple[ServerEntry, ...]


class ContentRoutes:
    """The part of the printer plug-in that connects content servers."""

    context: Context
    contents: ContentFolder
    client: ContentClient

    def open_contents(self, settings: PrinterSettings) -> None:
        """Get the hub's own folder and the registered servers ready; raises ServerError."""
        for server in settings.content:
            check(server)
        folder = Path(settings.contents).expanduser() if settings.contents else None
        self.contents = ContentFolder(folder or self.context.folder / FILES, FileTokens())
        if folder is None:
            self.contents.open()
        for left in self.context.folder.glob(f"{COPY}*"):
            left.unlink()
        registered = Registered(self.context.folder)
        self._known_servers = partial(_servers, settings.content, registered)
        self.client = ContentClient(self._known_servers)

    @get("3dp", "serviceConnecting")
    async def connect(self, call: Call) -> ConnectingResult:
        """List the content servers, with a secure token of each for this application."""
        own = ServerEntry(
            contents.NAME,
            call.base_url + contents.PATH,
            self.contents.tokens.issue(call.application),
        )
        others = await asyncio.gather(*(self._entry(one) for one in self._known_servers()))
        return ConnectingResult(contentserver=(own, *others))

    @surface("/contents")
    async def files(self, request: SurfaceRequest) -> SurfaceReply:
        """Give the files of the hub's own content server to who has a secure token."""
        return await self.contents.answer(request)

    async def _entry(self, server: ContentServer) -> ServerEntry:
        try:
            token = await self.client.token(server)
        except FetchError as error:
            log.warning("content server %s: %s", server.name, error)
            return ServerEntry(server.name, server.url, "", str(error))
        return ServerEntry(server.name, server.url, token)

    def own_file(self, call: Call, uri: str, token: str) -> Path | None:
        """Return the file of the hub's own content server that a uri names; None for other uris.

        Raises NotAuthorized without a token of this application, InvalidParameter for no file.
        """
        if not _of_hub(call, uri, contents.PATH + "/"):
            return None
        if self.contents.tokens.holder(token) != call.application:
            raise NotAuthorized(
                "The secureToken is missing or too old; GET /gotapi/3dp/serviceconnecting gives one"
            )
        found = self.contents.find(unquote(urlsplit(uri).path.removeprefix(contents.PATH + "/")))
        if found is None:
            raise InvalidParameter("There is no such file on this hub's content server")
        return found

    @asynccontextmanager
    async def copied(self, file: Path) -> AsyncIterator[Path]:
        """Give a copy of a file for as long as the block lasts; raises StorageFull."""
        copy = self.context.folder / f"{COPY}{uuid4().hex}"
        try:
            await asyncio.to_thread(shutil.copyfile, file, copy)
            yield copy
        except OSError as error:
            raise StorageFull(f"The file cannot be kept for printing: {error.strerror}") from error
        finally:
            copy.unlink(missing_ok=True)

    def is_elsewhere(self, call: Call, uri: str) -> bool:
        """Tell whether a uri is of the web, and not of a file that was uploaded to the hub.

        Raises InvalidParameter for one of the web that nothing is fetched from.
        """
        if not uri.lower().startswith(("http://", "https://")):
            return False
        if _of_hub(call, uri, BLOBS) or _of_hub(call, uri, f"{contents.PATH}/"):
            return False
        try:
            site_of(uri)
        except UrlError as error:
            raise InvalidParameter(f"Nothing can be fetched from uri: {error}") from error
        return True


def _servers(
    settings: Sequence[ContentServer], registered: Registered
) -> tuple[ContentServer, ...]:
    try:
        added = registered.read()
    except ServerError as error:
        log.error("%s", error)
        added = ()
    names = {one.name for one in settings}
    return (*settings, *(one for one in added if one.name not in names))


def _of_hub(call: Call, uri: str, path: str) -> bool:
    """Tell whether a uri is below a path of this hub, by whichever name of it."""
    try:
        site, parts = site_of(uri), urlsplit(uri)
        hub = site_of(call.base_url)
    except UrlError:
        return False
    same = site == hub or (site.host in LOCAL and site.port == hub.port)
    return same and parts.path.startswith(path)
