"""Reads every answer of echo-1, and what the Worker says of files and batches, as strictly as the client's types are."""

import json
import sys
import time

import openai
from openai.types import (
    Batch,
    Completion,
    CreateEmbeddingResponse,
    FileDeleted,
    FileObject,
    Model,
    ModerationCreateResponse,
    Upload,
)
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel

client = openai.OpenAI(base_url=sys.argv[1], api_key="any key", max_retries=0)

user = {"role": "user", "content": "hello there"}
parts = [{"type": "input_text", "text": "hello"}, {"type": "input_image", "image_url": "data:,", "detail": "auto"}]
image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
BODIES = {
    "/v1/chat/completions": (
        ChatCompletion,
        [{"messages": [user]}, {"messages": [user], "n": 3}, {"messages": [user], "max_tokens": 1}],
    ),
    "/v1/completions": (
        Completion,
        [{"prompt": "hello there"}, {"prompt": ["a", "b"], "n": 2, "max_tokens": 1}, {"prompt": None}],
    ),
    "/v1/embeddings": (
        CreateEmbeddingResponse,
        [{"input": "hello"}, {"input": ["a", "b"], "dimensions": 4}, {"input": [[1, 2], [3]]}],
    ),
    "/v1/responses": (
        Response,
        [
            {"input": "hello there"},
            {"input": "hello there, all of you who hear this, near or far away", "max_output_tokens": 16},
            {"input": "x" * 200, "max_output_tokens": 16, "instructions": "be short"},
            {"input": [{"role": "user", "content": parts}]},
        ],
    ),
    "/v1/moderations": (
        ModerationCreateResponse,
        [{"input": "hello"}, {"input": ["a", "b"]}, {"input": [{"type": "text", "text": "a"}, image]}],
    ),
}


def unknown(value, path):
    """Members that the types do not know."""
    if isinstance(value, BaseModel):
        yield from (f"{path}.{name}" for name in value.model_extra or ())
        for name in type(value).model_fields:
            yield from unknown(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from unknown(item, f"{path}[{i}]")


def read(kind, body):
    found = kind.model_validate(body, strict=True)
    # OpenAI's own responses say `store`, though the types do not.
    extra = set(unknown(found, kind.__name__)) - {"Response.store"}
    assert not extra, extra
    return found


def said(call):
    return json.loads(call.text)


raw = client.with_raw_response
for endpoint, (kind, bodies) in BODIES.items():
    lines = [
        json.dumps({"custom_id": f"{i}", "method": "POST", "url": endpoint, "body": {"model": "echo-1", **body}})
        for i, body in enumerate(bodies)
    ]
    content = "\n".join(lines).encode()
    file = read(FileObject, said(raw.files.create(file=("in.jsonl", content), purpose="batch")))
    made = raw.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h")
    batch = read(Batch, said(made))
    deadline = time.monotonic() + 60
    while batch.status not in ("completed", "failed"):
        assert time.monotonic() < deadline, batch
        time.sleep(0.05)
        batch = read(Batch, said(raw.batches.retrieve(batch.id)))
    assert batch.status == "completed" and batch.error_file_id is None, batch
    answers = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    assert len(answers) == len(bodies)
    for answer in answers:
        read(kind, answer["response"]["body"])
    read(FileDeleted, said(raw.files.delete(file.id)))
    print(f"ok {endpoint}", flush=True)

failed = client.batches.create(input_file_id="file-no", endpoint=endpoint, completion_window="24h")
while failed.status != "failed":
    time.sleep(0.05)
    failed = read(Batch, said(raw.batches.retrieve(failed.id)))
upload = raw.uploads.create(filename="a.jsonl", bytes=1, mime_type="text/jsonl", purpose="batch")
cancelled = raw.uploads.cancel(read(Upload, said(upload)).id)
read(Upload, said(cancelled))
for page, kind in ((raw.batches.list(), Batch), (raw.files.list(), FileObject), (raw.models.list(), Model)):
    for item in said(page)["data"]:
        read(kind, item)
print("ok objects", flush=True)

# Finished lines, by pages, as docs/clients.md has it.
made = client.batches.create(input_file_id=client.files.create(file=("in.jsonl", content), purpose="batch").id,
                             endpoint=endpoint, completion_window="24h")
seen, after, incomplete = [], "", True
while incomplete:
    page = client.get(
        f"/batches/{made.id}/results", cast_to=openai.HttpxBinaryResponseContent, options={"params": {"after": after}}
    )
    seen += [json.loads(line)["custom_id"] for line in page.text.splitlines()]
    headers = page.response.headers
    after, incomplete = headers["x-last-line"], headers["x-incomplete"] == "true"
    if not page.text:
        time.sleep(0.05)
assert sorted(seen) == [f"{i}" for i in range(len(bodies))], seen
print("ok results", flush=True)
