"""Manages webhook endpoints with the official Python client, and leaves one that was tested; prints its secret."""

import sys

import openai

base_url, receiver = sys.argv[1:3]
client = openai.OpenAI(base_url=base_url, api_key="any key", max_retries=0)
webhooks = client.webhooks

types = webhooks.event_types.list().data
assert types == ["batch.completed", "batch.failed", "batch.expired", "batch.cancelled"]
other = webhooks.create(name="other", url="https://hooks.example.com/", event_types=["batch.failed"])
made = webhooks.create(name="python", url=receiver, event_types=types)
assert made.object == "webhook_endpoint" and made.signing_secret.startswith("whsec_")
assert [endpoint.id for endpoint in webhooks.list(limit=1)][:2] == [made.id, other.id]
assert webhooks.update(other.id, name="renamed").name == "renamed"
assert webhooks.retrieve(other.id).signing_secret_hint.startswith("whsec_****")
assert webhooks.delete(other.id).deleted
rotated = webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
assert rotated.signing_secret != made.signing_secret
result = webhooks.test(made.id, event_type="batch.completed")
assert (result.success, result.status_code, result.webhook_endpoint_id) == (True, 200, made.id)
try:
    webhooks.create(name="n", url="ftp://example.com", event_types=types)
    raise SystemExit("it was taken")
except openai.BadRequestError as error:
    assert error.param == "url", error
# The first of two secrets that count.
print(made.signing_secret)
