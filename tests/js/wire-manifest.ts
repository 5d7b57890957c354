/** Manifests of the core: where its types and ours differ, this does not compile. Written by `UPDATE_TYPESCRIPT=1 cargo test --lib typescript`, from src/typescript. */
import type { BatchManifest } from "../../js/core/types.ts";
import type { Bare, Full } from "./wire-types.ts";

export const fullManifest: Full<BatchManifest> = {
  batch_id: "batch_1",
  calls: {
    lost: 2,
    made: 1,
  },
  error: {
    bytes: 0,
    file_id: "file-1",
    lines: 0,
    sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  },
  input: {
    bytes: 0,
    file_id: "file-1",
    lines: 0,
    sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  },
  object: "batch.manifest",
  output: {
    bytes: 0,
    file_id: "file-1",
    lines: 0,
    sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  },
  request_counts: {
    completed: 2,
    failed: 3,
    total: 1,
  },
  status: "completed",
};

export const bareManifest: Bare<BatchManifest> = {
  batch_id: "batch_1",
  calls: {
    lost: 2,
    made: 1,
  },
  error: null,
  input: null,
  object: "batch.manifest",
  output: null,
  request_counts: {
    completed: 2,
    failed: 3,
    total: 1,
  },
  status: "completed",
};
