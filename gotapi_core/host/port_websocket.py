"""The WebSocket port: the plug-in runs where it likes and connects to the hub by itself."""

from pathlib import Path

import msgspec

from gotapi_core.host.conversation import Channel, Conversation
from gotapi_core.host.described import description_of
from gotapi_core.host.port import Description, PluginGone
from gotapi_core.host.port_wire import WirePort
from gotapi_core.plugin.context import Context
from gotapi_core.plugin.manifest import Manifest, ManifestError, check_offer
from gotapi_core.protocol.plugin_wire import Describe, Hello
from gotapi_core.protocol.routes import Kind


class SocketChannel(Channel):
    """A channel whose frames somebody else reads: `feed` takes each of them."""

    def __init__(self) -> None:
        self._early: list[bytes] = []
        self._conversation: Conversation | None = None

    def feed(self, text: bytes) -> None:
        """Take one frame; those that come before the port is ready wait."""
        if self._conversation is None:
            self._early.append(text)
        else:
            self._conversation.received(text)

    def ended(self, reason: str) -> None:
        """Hear that the WebSocket is closed."""
        if self._conversation is not None:
            self._conversation.lost(reason)

    def begin(self, conversation: Conversation) -> None:
        """Give the frames to a conversation from now on."""
        self._conversation = conversation
        early, self._early = self._early, []
        for text in early:
            conversation.received(text)


class WebSocketPort(WirePort):
    """Speaks with a plug-in that has connected; `offer` brings each new connection.

    There is no manifest to compare with: whoever has the token that the operator made may offer
    what it likes, but for what is the hub's own.
    """

    def __init__(self, manifest: Manifest, spool_root: Path) -> None:
        super().__init__(manifest, spool_root)
        self._channel: SocketChannel | None = None
        self._offered: tuple[SocketChannel, Hello] | None = None

    @property
    def manifest(self) -> Manifest:
        """What the plug-in last said of itself."""
        return self._manifest

    @property
    def comes_by_itself(self) -> bool:
        return True

    @property
    def crashed(self) -> bool:
        return self._conversation is not None and self._conversation.cut_off

    def offer(self, channel: SocketChannel, hello: Hello) -> None:
        """Use this connection at the next start."""
        self._offered = channel, hello

    async def _connect(self, context: Context, spool: Path) -> Conversation:
        offered, self._offered = self._offered, None
        if offered is None:
            raise PluginGone("it is waited for to connect")
        channel, hello = offered
        self._channel = channel
        self._manifest = msgspec.structs.replace(
            self._manifest, name=hello.name or self._manifest.id, version=hello.version
        )
        conversation = Conversation(context, channel, str(spool))
        channel.begin(conversation)
        return conversation

    async def _disconnect(self) -> None:
        channel, self._channel = self._channel, None
        try:
            await super()._disconnect()
        finally:
            if channel is not None:
                channel.cut()

    def _described(self, describe: Describe) -> Description:
        profiles = {one.profile.lower() for one in describe.routes if one.kind != "surface"}
        surfaces = [one.path for one in describe.routes if one.kind == Kind.SURFACE.value]
        self._manifest = msgspec.structs.replace(
            self._manifest, profiles=tuple(sorted(profiles)), surfaces=tuple(surfaces)
        )
        try:
            check_offer(self._manifest)
        except ManifestError as error:
            raise ManifestError(str(error).replace("gotapi-plugin.toml", "describe")) from error
        return description_of(self._manifest, describe)
