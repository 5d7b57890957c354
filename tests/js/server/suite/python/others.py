"""Other people's clients, each with a flow of its own from file to result: one sentence is printed for each that held."""

import io
import json
import os
import sys
import tempfile
import time

base_url = sys.argv[1]
os.environ.update(OPENAI_BASE_URL=base_url, OPENAI_API_KEY="any key", LITELLM_LOCAL_MODEL_COST_MAP="True")

import litellm  # noqa: E402
from instructor.batch import BatchProcessor, filter_successful  # noqa: E402
from pydantic import BaseModel  # noqa: E402


def held(sentence):
    print(f"ok {sentence}", flush=True)


def until(what, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"waited for: {what}"
        time.sleep(0.05)
    return found


def lines(texts):
    body = {"model": "echo-1", "messages": [{"role": "user", "content": ""}]}
    request = {"custom_id": "", "method": "POST", "url": "/v1/chat/completions", "body": body}
    for i, text in enumerate(texts):
        request["custom_id"] = f"request-{i}"
        body["messages"][0]["content"] = text
        yield json.dumps(request, ensure_ascii=False)


for provider in ("openai", "hosted_vllm"):
    to = {"custom_llm_provider": provider, "api_base": base_url, "api_key": "any key"}
    content = "\n".join(lines(["one", "zwei", "三"])).encode()
    file = litellm.create_file(file=("in.jsonl", io.BytesIO(content)), purpose="batch", **to)
    assert litellm.file_retrieve(file_id=file.id, **to).bytes == len(content)
    create = {"completion_window": "24h", "endpoint": "/v1/chat/completions", "metadata": {"a": "b"}}
    batch = litellm.create_batch(input_file_id=file.id, **create, **to)
    assert batch.metadata == {"a": "b"}
    id = batch.id
    done = until("it is completed", lambda: (b := litellm.retrieve_batch(batch_id=id, **to)).status == "completed" and b)
    output = litellm.file_content(file_id=done.output_file_id, **to).content.decode()
    answers = [json.loads(line)["response"]["body"] for line in output.splitlines()]
    assert [a["choices"][0]["message"]["content"] for a in answers] == ["one", "zwei", "三"]
    assert id in [b.id for b in litellm.list_batches(limit=5, **to).data]
    assert litellm.file_delete(file_id=file.id, **to).deleted
    held(f"litellm as {provider}")


class Person(BaseModel):
    name: str
    age: int


people = [Person(name=f"Ada {i}", age=30 + i) for i in range(4)]
messages = [[{"role": "user", "content": person.model_dump_json()}] for person in people]
processor = BatchProcessor("openai/echo-1", Person)
with tempfile.TemporaryDirectory() as folder:
    for file in (None, f"{folder}/batch.jsonl"):
        made = processor.create_batch_from_messages(messages, file_path=file)
        id = processor.submit_batch(made, metadata={"client": "instructor"})
        until("it is completed", lambda: processor.get_batch_status(id)["status"] == "completed")
        results = filter_successful(processor.retrieve_results(id))
        assert [result.result for result in results] == people, results
        assert id in [job.id for job in processor.list_batches(limit=3)]
held("instructor, from a buffer and from a file")
