"""No token reaches a log, whatever happens."""

import logging

import pytest

from gotapi_creation.redact import quiet, redacted


async def test_no_token_is_logged_on_the_way_to_a_model_and_failures(hub_of, fake, parts, caplog):
    caplog.set_level(logging.DEBUG)
    async with hub_of(fake.url) as app:
        await app.begin()
        async with app.socket(secureToken=app.secure) as socket:
            await parts["next_report"](socket)
            fake.finish()
            await app.done()
        await app.ask("getattribute", secureToken="a-wrong-one")
        fake.cut = 3
        await app.ask("getattribute")
        keys = [file.key for job in _jobs(app) for file in job.files]
        secrets = {app.token, app.secure, "the-key", "remote-secret", *keys}
    # The client of this test logs under the same name as the hub's, so both are looked at; what
    # the test's own WebSocket client says of itself is not the hub's.
    text = "\n".join(
        record.getMessage() for record in caplog.records if record.name != "websockets.client"
    )
    assert fake.url in text
    assert not [secret for secret in secrets if secret in text]


def _jobs(app):
    [supervisor] = list(app.live.hub.registry)
    return list(supervisor._port._plugin.book.jobs.values())


@pytest.mark.parametrize(
    "text",
    [
        "GET http://a/3dcapi/x?accessToken=SECRET&secureToken=SECRET",
        "{'accessToken': 'SECRET', \"secureToken\": \"SECRET\"}",
        "PUT http://a/3dcapi/files/123/SECRET",
        "/3dcapi/serviceconnecting&ACCESSTOKEN%3DSECRET",
    ],
)
def test_tokens_are_taken_out_of_texts(text):
    clean = redacted(text)
    assert "SECRET" not in clean
    assert clean != text


def test_the_filter_is_there_once():
    quiet()
    count = len(logging.getLogger("httpx2").filters)
    quiet()
    assert len(logging.getLogger("httpx2").filters) == count
