"""The settings of the section `[tls]`. PURE."""

from typing import Annotated

import msgspec

from gotapi_core.protocol.reach import lan_address


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the hub speaks TLS too, and who reaches it. Times in seconds."""

    enabled: bool = False
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = (
        4036  # 4036 is GotAPI's; 0 lets the system choose
    )
    lan: bool = False  # other machines of the local network reach the TLS port
    addresses: tuple[str, ...] = ()  # which of this machine's; empty: all of local networks
    operator_on_lan: bool = False  # they may open the operator page, too
    announce: bool = True  # by multicast DNS, where `lan` is on
    handshake_time: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 10.0


def misfit(tls: TlsSettings) -> str | None:
    """Say what is wrong between the settings and what to do; None where nothing is."""
    if tls.lan and not tls.enabled:
        return (
            "tls.lan needs tls.enabled: the hub answers on a local network by TLS only. Start it "
            "with `gotapi run --tls --lan`, or set both in the section [tls]"
        )
    for address in tls.addresses:
        if lan_address(address) is None:
            return (
                f"tls.addresses: {address!r} is not an address on a local network. Expected one of "
                "this machine's in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16 or "
                "fc00::/7; the hub never answers on a public address"
            )
    return None
