"""Drives the Worker with the official Python client: one sentence is printed for each thing that held."""

import inspect
import io
import json
import pathlib
import sys
import tempfile
import time

import openai

base_url, held_id = sys.argv[1], sys.argv[2]
client = openai.OpenAI(base_url=base_url, api_key="any key", max_retries=0)

LINES = b"".join(
    json.dumps(
        {
            "custom_id": f"request-{i}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "echo-1", "messages": [{"role": "user", "content": f"number {i}"}]},
        }
    ).encode()
    + b"\n"
    for i in range(5)
)


def held(sentence):
    print(f"ok {sentence}", flush=True)


def create(input_file_id, **more):
    return client.batches.create(
        input_file_id=input_file_id, endpoint="/v1/chat/completions", completion_window="24h", **more
    )


def ended(batch_id, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        batch = client.batches.retrieve(batch_id)
        if batch.status in ("completed", "failed", "expired", "cancelled"):
            return batch
        assert time.monotonic() < deadline, f"{batch_id} is still {batch.status}"
        time.sleep(0.05)


def raises(kind, call, **fields):
    try:
        call()
    except openai.APIStatusError as error:
        assert type(error) is kind, f"{type(error)} is not {kind}: {error}"
        for name, value in fields.items():
            assert getattr(error, name) == value, f"{name} is {getattr(error, name)!r}"
        assert error.request_id and error.request_id.startswith("req_")
        return error
    raise AssertionError(f"expected {kind}")


# Uploads in every way the client knows.
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "in.jsonl"
    path.write_bytes(LINES)
    by_path = client.files.create(file=path, purpose="batch")
    with path.open("rb") as stream:
        by_stream = client.files.create(file=stream, purpose="batch")
    chunked = client.uploads.upload_file_chunked(file=path, mime_type="text/jsonl", purpose="batch", part_size=200)
by_bytes = client.files.create(file=LINES, purpose="batch")
by_name = client.files.create(file=("名前.jsonl", io.BytesIO(LINES)), purpose="batch")
assert (by_path.filename, by_stream.filename, by_bytes.filename) == ("in.jsonl", "in.jsonl", "upload")
assert by_name.filename == "名前.jsonl"
for file in (by_path, by_stream, by_bytes, by_name, chunked.file):
    assert file.bytes == len(LINES) and file.purpose == "batch" and file.status == "processed"
    assert client.files.content(file.id).read() == LINES
assert client.files.wait_for_processing(by_path.id).id == by_path.id
held("files are uploaded by path, stream, bytes, name and in parts, and come back as they were")

limited = client.files.create(
    file=LINES, purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
)
assert limited.expires_at == limited.created_at + 3600
held("a file's life can be set")

batch = create(by_stream.id, metadata={"a": "b"}, output_expires_after={"anchor": "created_at", "seconds": 3600})
assert batch.status == "validating" and batch.metadata == {"a": "b"}
assert batch._request_id and batch._request_id.startswith("req_")
batch = ended(batch.id)
assert batch.status == "completed" and batch.to_dict()["model"] == "echo-1" and batch.error_file_id is None
assert (batch.request_counts.total, batch.request_counts.completed) == (5, 5)
assert batch.to_dict()["usage"]["total_tokens"] > 0
lines = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
assert [line["custom_id"] for line in lines] == [f"request-{i}" for i in range(5)]
said = [line["response"]["body"]["choices"][0]["message"]["content"] for line in lines]
assert said == [f"number {i}" for i in range(5)]
held("a batch is created, polled to its end, and both contents are read")

torn = ["a\u2028b", "c\u2029d", "e\u0085f", "g\u000bh\u001ci"]
asked = [json.loads(line) for line in LINES.splitlines()][: len(torn)]
for request, text in zip(asked, torn):
    request["custom_id"] = request["body"]["messages"][0]["content"] = text
torn_file = client.files.create(file="".join(json.dumps(r) + "\n" for r in asked).encode(), purpose="batch")
output_file_id = ended(create(torn_file.id).id).output_file_id
with client.files.with_streaming_response.content(output_file_id) as content:
    read = [json.loads(line)["custom_id"] for line in content.iter_lines()]
assert read == torn and len(client.files.content(output_file_id).text.splitlines()) == len(torn)
held("answers with line ends of other alphabets are one line each for iter_lines and splitlines")

raises(openai.ConflictError, lambda: client.batches.cancel(batch.id), code=None, param=None)
raises(openai.NotFoundError, lambda: client.batches.retrieve("batch_no"), code=None, param=None)
raises(openai.NotFoundError, lambda: client.files.retrieve("file-no"), code=None, param="id")
raises(openai.NotFoundError, lambda: client.files.content("file-no"), param="id")
raises(openai.BadRequestError, lambda: client.batches.retrieve("no"), code="invalid_value", param="batch_id")
raises(
    openai.BadRequestError,
    lambda: create(by_path.id, metadata={"tags": ["x"]}),
    code="invalid_type",
    param="metadata.tags",
)
raises(openai.BadRequestError, lambda: client.files.create(file=LINES, purpose="no"), param="purpose")
raises(openai.BadRequestError, lambda: client.files.create(file=("a.txt", LINES), purpose="batch"))
held("errors are of the right class, with their code and param")

# Older clients send JSON alone.
if "content" in inspect.signature(client.post).parameters:
    found = client.post(
        "/batches/validate",
        cast_to=object,
        content=io.BytesIO(LINES + b"[]\n"),
        options={"headers": {"Content-Type": "application/jsonl"}},
    )
    assert (found["valid"], found["request_counts"]) == (False, {"total": 6, "valid": 5})
    assert [(error["line"], error["code"]) for error in found["errors"]["data"]] == [(6, "invalid_request")]
params = {"input_file_id": by_path.id, "endpoint": "/v1/chat/completions"}
assert client.post("/batches/validate", cast_to=object, body=params)["valid"]
held("a file is validated without a batch, from a stream and by its id")

failed = ended(create("file-missing").id)
assert failed.status == "failed" and failed.errors.data[0].param == "file_id"
raises(openai.ConflictError, lambda: client.batches.cancel(failed.id))
held("a batch over a missing file fails in validation")

capped = ended(create(by_path.id, extra_body={"edgebatch": {"budget": {"requests": 2}, "priority": 3, "split": True, "order": "prefix"}}).id)
assert (capped.status, capped.request_counts.completed) == ("cancelled", 2)
own = capped.model_dump()["edgebatch"]
assert (own["ended_by"], own["budget"]["used"]["requests"], own["priority"]) == ("budget", 2, 3)
assert (own["split"], own["parts"], own["order"]) == (True, 1, "prefix")
raises(
    openai.BadRequestError,
    lambda: create(by_path.id, extra_body={"edgebatch": {"budget": {"requests": 0}}}),
    code="integer_below_min_value",
    param="edgebatch.budget.requests",
)
held("a budget, a priority, a split and an order are asked for by extra_body")

assert client.batches.retrieve(held_id).status == "in_progress"
assert client.batches.cancel(held_id).status == "cancelling"
cancelled = ended(held_id)
assert cancelled.status == "cancelled" and cancelled.cancelled_at >= cancelled.cancelling_at
assert client.batches.cancel(held_id).status == "cancelled"
held("a running batch is cancelled, and cancelling it again is no error")

patient = client.with_options(max_retries=2)
started = time.monotonic()
raises(openai.ConflictError, lambda: patient.batches.cancel(batch.id))
assert time.monotonic() - started < 0.4
held("a conflict is not tried again")

known = {file.id for file in client.files.list(limit=3)}
assert {by_path.id, by_stream.id, by_bytes.id, limited.id} <= known
assert {b.id for b in client.batches.list(limit=2)} >= {batch.id, failed.id, held_id}
assert client.models.list().data[0].id == "echo-1"
deleted = client.files.delete(by_path.id)
assert deleted.deleted and deleted.id == by_path.id
raises(openai.NotFoundError, lambda: client.files.delete(by_path.id))
held("lists are paged through, and files deleted")
