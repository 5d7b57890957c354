/** A tenant's files and uploads, as the routes ask for them, and the rounds that look after what is left of them. */

import type { KV } from "../../core/types.ts";
import { now } from "../ids.ts";
import type { TenantPorts } from "../ports.ts";
import { type Change, change } from "./change.ts";
import { FileIndex } from "./file-index.ts";
import { bytesRoom, storageRoom, uploadRoom } from "./quotas.ts";
import { Rounds } from "./rounds.ts";
import { Trash } from "./trash.ts";
import type {
  FileList,
  FileQuery,
  NewFile,
  NewPart,
  NewUpload,
  Segment,
  StoredFile,
  UnpackedContent,
  UploadPlan,
  WireFile,
  WirePart,
  WireUpload,
} from "./types.ts";
import { Uploads } from "./uploads.ts";

export abstract class FileService {
  protected readonly ports: TenantPorts;
  protected readonly kv: KV;
  protected readonly trash: Trash;
  protected readonly files: FileIndex;
  protected readonly uploads: Uploads;
  protected readonly rounds: Rounds;

  constructor(ports: TenantPorts) {
    const { kv, name, alarm } = ports;
    this.ports = ports;
    this.kv = kv;
    this.trash = new Trash(kv);
    this.files = new FileIndex(kv, this.trash);
    this.uploads = new Uploads(kv, this.files, this.trash);
    this.rounds = new Rounds({
      ...{ tenant: name, alarm, round: () => this.round(), between: () => this.between() },
    });
  }

  /** Looks at everything. Whether something is under way. */
  protected abstract round(): Promise<boolean>;

  /** What may be due between rounds. */
  protected abstract between(): Promise<void>;

  async startFile(key: string): Promise<number> {
    const room = storageRoom(this.ports.settings.quotas, await this.files.total());
    await this.expectObjects([key]);
    return room;
  }

  async expectObjects(keys: string[]): Promise<void> {
    await this.rounds.arm();
    await this.trash.expect(keys, now());
  }

  expectMultipart(key: string, uploadId: string): Promise<void> {
    return this.trash.expectMultipart(key, uploadId, now());
  }

  async createFile(file: NewFile): Promise<WireFile> {
    if (file.expires_at !== null) await this.rounds.arm();
    const bytes = file.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    return change(this.kv, async (c) => {
      // Again, as others have come meanwhile.
      storageRoom(this.ports.settings.quotas, await this.files.total(c), bytes);
      return this.files.put(c, file);
    });
  }

  getFile(id: string): Promise<StoredFile> {
    return this.files.get(id, now());
  }

  listFiles(query: FileQuery): Promise<FileList> {
    return this.files.list(query, now());
  }

  async deleteFile(id: string): Promise<void> {
    await this.files.remove(id, now());
    await this.emptyTrash();
  }

  async createUpload(upload: NewUpload): Promise<WireUpload> {
    await this.rounds.arm();
    storageRoom(this.ports.settings.quotas, await this.files.total(), upload.bytes);
    return this.uploads.create(upload, now());
  }

  async uploadRoom(id: string): Promise<number> {
    const room = await this.uploads.room(id, now());
    bytesRoom(this.ports.settings.quotas, await this.files.total());
    return room;
  }

  addUploadPart(id: string, part: NewPart): Promise<WirePart> {
    return this.uploads.addPart(id, part, now(), async (c) =>
      bytesRoom(this.ports.settings.quotas, await this.files.total(c), part.bytes),
    );
  }

  partContent(id: string, partIds: string[]): Promise<Uint8Array | null> {
    return this.uploads.content(id, partIds);
  }

  planUpload(id: string, partIds: string[]): Promise<UploadPlan> {
    return this.uploads.plan(id, partIds, now());
  }

  async completeUpload(
    id: string,
    partIds: string[],
    fileId: string,
    segments: Segment[],
    content?: UnpackedContent,
  ): Promise<WireUpload> {
    const check = async (c: Change) =>
      uploadRoom(this.ports.settings.quotas, await this.files.total(c), content?.bytes);
    const upload = await this.uploads.complete(id, partIds, fileId, segments, now(), check, content);
    await this.#discardParts();
    return upload;
  }

  async cancelUpload(id: string): Promise<WireUpload> {
    const upload = await this.uploads.cancel(id, now());
    await this.#discardParts();
    return upload;
  }

  /** Parts of uploads that ended: the first at once, more than those while others are answered. */
  async #discardParts(): Promise<void> {
    const more = await this.uploads.discardParts();
    await this.emptyTrash();
    if (!more) return;
    const goOn = async () => {
      while (await this.uploads.discardParts()) await new Promise((next) => setTimeout(next, 0));
      await this.emptyTrash();
    };
    this.ports.background(goOn());
  }

  protected emptyTrash(): Promise<void> {
    return this.trash.empty(this.ports.blobs, now());
  }
}
