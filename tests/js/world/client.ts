/** A tenant's user: uploads, creates, looks, cancels, pauses, downloads, and believes nothing. */

import { createHash } from "node:crypto";
import { Broken } from "./broken.ts";
import type { Inherited } from "./inheritance.ts";
import { type Seen, wrongStep } from "./invariants.ts";
import { USAGE } from "./model.ts";
import type { Reply, Surroundings } from "./surroundings.ts";

export interface ClientOptions {
  name: string;
  batches: number;
  requests: number;
}

interface Batch extends Seen {
  in_progress_at: number | null;
  errors: unknown;
  output_file_id: string | null;
  error_file_id: string | null;
  usage: { total_tokens: number } | null;
}

/** What a batch is made of, and what is to come of it. */
interface Plan {
  number: number;
  /** By line: what is asked for, which is what is answered. */
  contents: string[];
  isBad: boolean;
  extra: Record<string, unknown>;
}

/** How long a client waits for an answer. */
const PATIENCE_MS = 120_000;
/** Batches under way at once: more than a tenant may queue. */
const AT_ONCE = 5;
const TOLD_MS = 3 * 86_400_000;
/** Between two batches, where clients go on for hours. */
const PAUSE_MS = 60_000;
/** Batches of another that are asked for, in vain. */
const MOST_OTHERS = 20;
/** What goes on for longer is stuck, whatever else comes to its end. */
const MOST_MS = 2 * 3_600_000;

export class Client {
  readonly name: string;
  made = 0;
  readonly #world: Surroundings;
  readonly #options: ClientOptions;
  readonly ended = new Set<string>();
  readonly files = new Set<string>();
  /** Batches under way, by the number in the names of their files. */
  readonly #open = new Set<number>();
  /** A batch that it made of an earlier version. */
  inherited: Inherited | undefined;

  constructor(world: Surroundings, options: ClientOptions) {
    this.name = options.name;
    this.#world = world;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { name } = this;
    const endpoint = {
      name: "all",
      url: `https://hooks.example.com/${name}`,
      event_types: ["batch.completed", "batch.failed", "batch.cancelled"],
    };
    await this.#json("POST", "/v1/webhook_endpoints", endpoint);
    let next = 0;
    const { goesOnUntil, clock, chance } = this.#world;
    const work = async () => {
      if (goesOnUntil === undefined) {
        while (next < this.#options.batches) await this.#batch(next++);
        return;
      }
      while (clock.now < goesOnUntil) {
        await this.#batch(next++, true);
        await clock.sleep(chance.wait(PAUSE_MS));
      }
    };
    await Promise.all([...Array.from({ length: AT_ONCE }, work), this.#inheritance()]);
  }

  /** What an earlier version began, this one ends. */
  async #inheritance(): Promise<void> {
    if (!this.inherited) return;
    const { id, input, lines } = this.inherited;
    this.files.add(input);
    const batch = await this.#ended(id, {});
    const mayBe = this.inherited.phase.startsWith("cancelling") ? "cancelled" : "completed";
    if (batch.status !== mayBe) throw new Broken(`${id} of an earlier version is ${batch.status}`);
    const files = [batch.output_file_id, batch.error_file_id];
    const all = (await Promise.all(files.map((file) => this.#lines(file)))).flatMap(({ lines }) => lines);
    const seen = new Set(all.map(({ custom_id }) => custom_id));
    if (all.length !== lines || seen.size !== lines)
      throw new Broken(`${id} of an earlier version has ${all.length} lines of ${seen.size} requests`);
  }

  /** Nothing goes wrong any more: all that was promised is there. */
  async settle(): Promise<void> {
    const { clock, site, clients } = this.#world;
    const until = clock.now + TOLD_MS;
    const untold = () => [...this.ended].filter((id) => !site.told.get(this.name)?.has(id));
    while (untold().length > 0) {
      if (clock.now > until) throw new Broken(`${this.name} was never told that ${untold()[0]} has ended`);
      await clock.sleep(60_000);
    }
    for (const id of site.told.get(this.name) ?? [])
      if (!this.ended.has(id) && id !== this.inherited?.id)
        throw new Broken(`${this.name} was told of ${id}, which is none of its own`);
    const data = await this.#list();
    // Nobody was there to be told of what an earlier version has ended.
    const known = [...this.ended, ...(this.inherited ? [this.inherited.id] : [])];
    const [listed, ended] = [data.map(({ id }) => id).sort(), known.sort()];
    if (listed.join() !== ended.join())
      throw new Broken(`${this.name} made ${ended.join()} and sees ${listed.join()}`);
    for (const other of clients) {
      if (other.name === this.name) continue;
      for (const id of [...other.ended].slice(-MOST_OTHERS)) await this.#unseen(`/v1/batches/${id}`);
      for (const id of [...other.files].slice(-MOST_OTHERS)) await this.#unseen(`/v1/files/${id}/content`);
    }
  }

  async #list(): Promise<Seen[]> {
    const all: Seen[] = [];
    for (;;) {
      const after = all.length > 0 ? `&after=${all.at(-1)?.id}` : "";
      const page = await this.#json<{ data: Seen[]; has_more: boolean }>(
        "GET",
        `/v1/batches?limit=100${after}`,
      );
      all.push(...page.data);
      if (!page.has_more) return all;
    }
  }

  async #unseen(path: string): Promise<void> {
    const { status } = await this.#call("GET", path);
    if (status !== 404) throw new Broken(`${this.name} sees ${path}, which is another's: ${status}`);
  }

  #plan(number: number): Plan {
    const { chance } = this.#world;
    const lines = 1 + Math.floor(chance.next() * this.#options.requests);
    const dedupes = chance.happens(0.15);
    const contents = Array.from({ length: lines }, (_, i) => {
      const refused = chance.happens(0.05) ? " refuse" : "";
      return dedupes ? `${this.name}/${number}/${i % 7}` : `${this.name}/${number}/${i}${refused}`;
    });
    const extra = {
      ...(dedupes && { dedupe: true }),
      ...(chance.happens(0.15) && { order: "prefix" }),
      ...(chance.happens(0.2) && { priority: Math.floor(chance.next() * 5) }),
    };
    return { number, contents, isBad: chance.happens(0.08), extra };
  }

  /** One batch from its file to its end; `tidies` has its files deleted then. */
  async #batch(number: number, tidies = false): Promise<void> {
    const [world, plan] = [this.#world, this.#plan(number)];
    const { chance, clock } = world;
    this.#open.add(number);
    const file = await this.#upload(plan, tidies);
    this.files.add(file);
    const key = `${this.name}-${number}`;
    const params = {
      ...{ input_file_id: file, endpoint: "/v1/chat/completions", completion_window: "24h" },
      ...(Object.keys(plan.extra).length > 0 && { edgebatch: plan.extra }),
    };
    const { id } = await this.#json<Seen>("POST", "/v1/batches", params, { "idempotency-key": key });
    this.made++;
    world.note(
      `${this.name} has ${id} of ${plan.contents.length} requests${plan.isBad ? ", one of them bad" : ""}`,
    );
    const cancelAt = chance.happens(0.15) ? clock.now + chance.wait(20_000) : Infinity;
    const pauseAt = chance.happens(0.15) ? clock.now + chance.wait(10_000) : Infinity;
    if (chance.happens(0.1)) await this.#call("DELETE", `/v1/files/${file}`);
    const { isCancelled, ...seen } = await this.#ended(id, { cancelAt, pauseAt });
    this.ended.add(id);
    await this.#check(plan, seen, isCancelled);
    const left = tidies ? [file, seen.output_file_id, seen.error_file_id] : [seen.output_file_id];
    if (tidies || chance.happens(0.3))
      for (const id of left) if (id) await this.#call("DELETE", `/v1/files/${id}`);
    this.#open.delete(number);
    if (tidies) world.model.forget(id);
  }

  /** Deletes what was uploaded twice, as the first time had no answer: in hours it would fill all that a tenant may have. */
  async #tidy(): Promise<void> {
    const left: string[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const path: string = `/v1/files?purpose=batch&limit=100${after}`;
      const { data, has_more }: Listed = await this.#json("GET", path);
      for (const { id, filename } of data)
        if (!this.#open.has(Number(/-(\d+)\.jsonl$/.exec(filename)?.[1]))) left.push(id);
      after = has_more ? `&after=${data.at(-1)?.id}` : null;
    }
    for (const id of left) await this.#call("DELETE", `/v1/files/${id}`);
  }

  /** Looks at a batch until it has ended, and pauses or cancels it at some time. */
  async #ended(
    id: string,
    { cancelAt = Infinity, pauseAt = Infinity }: { cancelAt?: number; pauseAt?: number },
  ): Promise<Batch & { isCancelled: boolean }> {
    const [world, name] = [this.#world, this.name];
    const { chance, clock } = world;
    const late = clock.now + MOST_MS;
    let resumeAt = Infinity;
    let isCancelled = false;
    let seen: Batch | undefined;
    for (;;) {
      const batch = await this.#json<Batch>("GET", `/v1/batches/${id}`);
      world.trace(() => `${name} sees ${id} ${batch.status} ${JSON.stringify(batch.request_counts)}`);
      const wrong = seen && wrongStep(seen, batch);
      if (wrong) throw new Broken(`${this.name} saw that ${wrong}`);
      seen = batch;
      if (["completed", "failed", "expired", "cancelled"].includes(batch.status))
        return { ...batch, isCancelled };
      if (clock.now > late) throw new Broken(`${id} of ${name} is still ${batch.status}`);
      if (clock.now >= cancelAt) {
        cancelAt = Infinity;
        isCancelled ||= (await this.#call("POST", `/v1/batches/${id}/cancel`)).status === 200;
      }
      if (clock.now >= pauseAt) {
        [pauseAt, resumeAt] = [Infinity, clock.now + chance.wait(30_000)];
        await this.#call("POST", `/v1/batches/${id}/pause`);
      }
      if (clock.now >= resumeAt) {
        resumeAt = Infinity;
        await this.#call("POST", `/v1/batches/${id}/resume`);
      }
      await clock.sleep(500 + chance.wait(3_000));
    }
  }

  /** What came of a batch is what had to. */
  async #check(plan: Plan, batch: Batch, isCancelled: boolean): Promise<void> {
    const { id, status, request_counts: counts } = batch;
    const refuse = (what: string) => {
      throw new Broken(`${id} of ${this.name}: ${what}`);
    };
    const mayBe = plan.isBad ? ["failed", "cancelled"] : ["completed", ...(isCancelled ? ["cancelled"] : [])];
    if (!mayBe.includes(status)) refuse(`it is ${status}: ${JSON.stringify(batch.errors)}`);
    const files = await Promise.all(
      [batch.output_file_id, batch.error_file_id].map((file) => this.#lines(file)),
    );
    const [output = [], errors = []] = files.map(({ lines }) => lines);
    if (batch.in_progress_at === null) {
      if (output.length + errors.length > 0) refuse("it never ran and has results");
      return;
    }
    const seen = [...output, ...errors].map(({ custom_id }) => Number(custom_id.slice(1)));
    if (new Set(seen).size !== seen.length || seen.length !== plan.contents.length)
      refuse(`${plan.contents.length} requests, ${seen.length} lines of ${new Set(seen).size}`);
    for (const lines of [output, errors]) {
      const order = lines.map(({ custom_id }) => Number(custom_id.slice(1)));
      if (order.some((line, i) => i > 0 && line < (order[i - 1] as number)))
        refuse("its lines are out of order");
    }
    for (const { custom_id, response } of output) {
      const content = response?.body.choices?.[0]?.message.content;
      const wanted = plan.contents[Number(custom_id.slice(1))];
      if (content !== wanted) refuse(`${custom_id} asked for ${wanted} and got ${content}`);
    }
    if (output.length !== counts.completed) refuse(`${counts.completed} completed, ${output.length} lines`);
    const ran = errors.filter(({ error }) => error?.code !== "batch_cancelled").length;
    if (ran !== counts.failed) refuse(`${counts.failed} failed, ${ran} lines`);
    const tokens = plan.extra.dedupe ? batch.usage?.total_tokens : USAGE.total_tokens * output.length;
    if ((batch.usage?.total_tokens ?? 0) !== tokens)
      refuse(`${batch.usage?.total_tokens} tokens, not ${tokens}`);
    const told = await this.#json<Record<string, { sha256: string } | null>>(
      "GET",
      `/v1/batches/${id}/manifest`,
    );
    for (const [i, name] of ["output", "error"].entries())
      if ((told[name]?.sha256 ?? null) !== files[i]?.sum)
        refuse(`its ${name} file is not that of its manifest`);
  }

  async #lines(file: string | null) {
    if (file === null) return { lines: [], sum: null };
    this.files.add(file);
    const { status, body } = await this.#call("GET", `/v1/files/${file}/content`);
    if (status !== 200) throw new Broken(`${this.name} cannot read ${file}: ${status}`);
    const text = new TextDecoder().decode(body);
    const lines: Line[] = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    return { lines, sum: createHash("sha256").update(body).digest("hex") };
  }

  async #upload({ number, contents, isBad }: Plan, tidies: boolean): Promise<string> {
    const line = (content: string, i: number) => {
      const body = { model: "m", messages: [{ role: "user", content }] };
      return JSON.stringify({ custom_id: `r${i}`, method: "POST", url: "/v1/chat/completions", body });
    };
    const jsonl = `${contents.map(line).join("\n")}\n${isBad ? "{no JSON}\n" : ""}`;
    const boundary = "----world";
    const part = (head: string, content: string) =>
      `--${boundary}\r\ncontent-disposition: form-data; ${head}\r\n\r\n${content}\r\n`;
    const named = `name="file"; filename="${this.name}-${number}.jsonl"`;
    const form = `${part('name="purpose"', "batch")}${part(named, jsonl)}--${boundary}--\r\n`;
    const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
    const refused = tidies ? () => this.#tidy() : undefined;
    const { id } = await this.#json<{ id: string }>("POST", "/v1/files", form, headers, refused);
    return id;
  }

  async #json<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    refused = async () => {},
  ): Promise<T> {
    for (const late = this.#world.clock.now + MOST_MS; ; ) {
      const reply = await this.#call(method, path, body, headers);
      const text = new TextDecoder().decode(reply.body);
      if (reply.status === 200) return JSON.parse(text);
      if (reply.status !== 429)
        throw new Broken(`${method} ${path} of ${this.name}: ${reply.status} ${text}`);
      if (this.#world.clock.now > late)
        throw new Broken(`${method} ${path} of ${this.name} is still refused: ${text}`);
      await refused();
      await this.#world.clock.sleep(2_000 + this.#world.chance.wait(5_000));
    }
  }

  /** As SDKs do it: what had no answer, or one that says so, is asked again. */
  async #call(
    method: string,
    path: string,
    body?: unknown,
    more: Record<string, string> = {},
  ): Promise<Reply> {
    const { clock, chance } = this.#world;
    for (let tries = 1; ; tries++) {
      const reply = await this.#once(method, path, body, more).catch(() => null);
      // A file whose deletion was carried out is gone when it is asked for once more.
      if (reply && reply.status < 500) return reply;
      if (tries > 1_000) throw new Broken(`${method} ${path} of ${this.name} has no answer`);
      await clock.sleep(Math.min(500 * tries, 5_000) + chance.wait(200));
    }
  }

  async #once(method: string, path: string, body: unknown, more: Record<string, string>): Promise<Reply> {
    const world = this.#world;
    const { clock, chance } = world;
    await clock.sleep(1 + chance.next() * 5);
    const server = world.anyServer();
    if (!server || server.life.isDead) throw new Error("nobody listens");
    const isForm = typeof body === "string";
    const headers = {
      authorization: `Bearer key-of-${this.name}`,
      ...(body !== undefined && !isForm && { "content-type": "application/json" }),
      ...more,
    };
    const content = body === undefined ? null : isForm ? body : JSON.stringify(body);
    const request = () => new Request(`http://server${path}`, { method, headers, body: content });
    const late = Promise.withResolvers<never>();
    const due = clock.after(PATIENCE_MS, () => late.reject(new Error("no answer in time")));
    try {
      // Something between has sent it once more. A wish that comes so late that another was said meanwhile is taken for the newer one.
      if (!/\/(pause|resume)$/.test(path) && world.happens("doubled"))
        world
          .anyServer()
          ?.fetch(request())
          .catch(() => undefined);
      const reply = await Promise.race([server.fetch(request()), late.promise]);
      if (world.happens("unheard")) throw new Error("the answer was lost");
      return reply;
    } finally {
      clock.cancel(due);
    }
  }
}

interface Listed {
  data: { id: string; filename: string }[];
  has_more: boolean;
}

interface Line {
  custom_id: string;
  response: { body: { choices?: { message: { content: string } }[] } } | null;
  error: { code?: string } | null;
}
