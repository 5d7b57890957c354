"""Moves a batch with the official Python client, from one server to another. Prints its fence."""

import sys
import time

import openai

source, target, batch_id = sys.argv[1:4]
here, there = (openai.OpenAI(base_url=url, api_key="any key", max_retries=0) for url in (source, target))

stream = here.post(f"/batches/{batch_id}/export", cast_to=openai.HttpxBinaryResponseContent)
assert stream.response.headers["content-type"] == "application/vnd.edgebatch.batch"
imported = there.post(
    "/batches/import",
    cast_to=object,
    body=stream.read(),
    options={"headers": {"content-type": "application/vnd.edgebatch.batch"}},
)
assert imported["batch"]["id"] == batch_id, imported
here.post(f"/batches/{batch_id}/export/settle", cast_to=object, body={"fence": imported["fence"]})
# Whoever owned it here ends it within moments of the call.
deadline = time.monotonic() + 60
while (gone := here.batches.retrieve(batch_id)).status != "cancelled":
    assert time.monotonic() < deadline, gone
    time.sleep(0.05)
assert gone.edgebatch["moved_at"] > 0, gone
assert there.batches.retrieve(batch_id).status in ("in_progress", "finalizing", "completed")
print(imported["fence"])
