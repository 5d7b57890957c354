/** A tenant's files and uploads: as on the wire, keys in the order of live objects, and as they are kept. */

/** A file. Times are Unix seconds. */
export interface WireFile {
  object: "file";
  id: string;
  purpose: string;
  filename: string;
  bytes: number;
  created_at: number;
  expires_at: number | null;
  status: "processed";
  status_details: null;
}

/** An object that holds some of a file's bytes. */
export interface Segment {
  key: string;
  bytes: number;
}

/** A file and where its bytes are, in order. */
export interface StoredFile {
  file: WireFile;
  segments: Segment[];
}

export interface NewFile {
  id: string;
  purpose: string;
  filename: string;
  created_at: number;
  expires_at: number | null;
  segments: Segment[];
  /** How many lines it has, where they were counted. */
  lines?: number;
}

/** What a packed file holds, and what it is called then. */
export interface UnpackedContent {
  filename: string;
  bytes: number;
  lines: number;
}

export interface FileQuery {
  after?: string;
  limit: number;
  order: "asc" | "desc";
  purpose?: string;
}

export interface FileList {
  object: "list";
  data: WireFile[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}

export interface WireUpload {
  id: string;
  object: "upload";
  bytes: number;
  created_at: number;
  filename: string;
  purpose: string;
  status: "pending" | "completed" | "cancelled" | "expired";
  expires_at: number;
  file?: WireFile;
}

export interface NewUpload {
  id: string;
  filename: string;
  purpose: string;
  bytes: number;
  /** Seconds that the file lives, if not for ever. */
  fileSeconds: number | null;
}

export interface WirePart {
  id: string;
  object: "upload.part";
  created_at: number;
  upload_id: string;
}

/** A part that has come: its bytes in an object, or themselves. */
export interface NewPart {
  id: string;
  bytes: number;
  /** How many lines it has, whole ones or not. */
  lines?: number;
  key?: string;
  content?: Uint8Array;
}

/** Bytes of an upload: an object, or a part that is small enough to be kept here until the file is made. */
export type PartBytes = { id: string; bytes: number; lines?: number } & ({ key: string } | { kept: true });

/** What `complete` is to do: make a file of these, or nothing, as an earlier call has done it. */
export type UploadPlan =
  | { purpose: string; filename: string; parts: PartBytes[] }
  | { completed: WireUpload };
