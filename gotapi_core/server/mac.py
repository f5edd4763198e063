"""The member `hmac`, by which an application knows that the answer comes from its hub."""

from gotapi_core.hub import Hub
from gotapi_core.protocol import hmac
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.params import Common


def add_mac(
    hub: Hub, identity: Identity | None, common: Common | None, members: dict[str, object]
) -> None:
    """Add `hmac` where the request had a nonce and its application a key."""
    if common is None or common.nonce is None or identity is None:
        return
    client_id = common.rest.get("clientId")
    known = hub.auth.key_for(
        identity.origin,
        token=common.access_token,
        client_id=client_id if isinstance(client_id, str) else None,
    )
    if known is not None:
        key, encoding = known
        try:
            members["hmac"] = hmac.server_mac(key, common.nonce, encoding)
        except GotapiError:
            return  # the nonce is not of the key's encoding; the client will see no MAC
