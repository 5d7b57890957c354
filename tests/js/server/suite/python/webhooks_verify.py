"""Verifies a webhook that came with the official Python client: one sentence is printed for each thing that held."""

import json
import sys

import openai

secret, messages = sys.argv[1], json.loads(sys.argv[2])
client = openai.OpenAI(api_key="any key", webhook_secret=secret)
[message] = messages

event = client.webhooks.unwrap(message["body"], message["headers"])
assert type(event).__name__ == "BatchCompletedWebhookEvent", type(event)
assert event.id == message["headers"]["webhook-id"] and event.data.id.startswith("batch_")
print("ok what comes is verified, by either secret, and read as its type is")

try:
    client.webhooks.unwrap(message["body"].replace("completed", "failed"), message["headers"])
    raise SystemExit("it was taken")
except openai.InvalidWebhookSignatureError:
    print("ok what was changed on its way is not")
