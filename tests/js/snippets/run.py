"""Runs the snippets in Python that come in as JSON, each as a program of its own, and prints those that fail."""

import json
import sys
import time
import traceback

import openai
from openai.resources.batches import Batches

asked = json.load(sys.stdin)
here, there = (openai.OpenAI(base_url=url, api_key="any", max_retries=0) for url in asked["servers"])
retrieve = Batches.retrieve


def ended(self, batch_id, **options):
    """As a reader does who is told to ask again."""
    deadline = time.monotonic() + 60
    while not (batch := retrieve(self, batch_id, **options)).status.startswith(("comp", "fail", "exp", "canc")):
        assert time.monotonic() < deadline, batch
        time.sleep(0.05)
    return batch


Batches.retrieve = ended


def upload(name):
    return here.files.create(purpose="batch", file=open(name, "rb"))


def started(name):
    file = upload(name)
    return here.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")


# What snippets leave to their readers, made where one names it.
left_out = {
    "batch_id": lambda: started("long.jsonl").id,
    "batch": lambda: started("long.jsonl"),
    "done": lambda: here.batches.retrieve(started("requests.jsonl").id),
    "file": lambda: upload("requests.jsonl"),
    "file_id": lambda: upload("requests.jsonl").id,
    "endpoint": lambda: here.webhooks.create(name="other", url=asked["receiver"], event_types=["batch.completed"]),
}

for snippet in asked["snippets"]:
    code = compile(snippet["text"], snippet["at"], "exec")
    made = {name: make() for name, make in left_out.items() if name in code.co_names}
    try:
        exec(code, {"openai": openai, "OpenAI": openai.OpenAI, "client": here, "here": here, "there": there, **made})
    except Exception:
        error = traceback.format_exc().strip().splitlines()
        print(f"{snippet['at']}: {error[-1]}", file=sys.stderr)
