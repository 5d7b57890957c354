/** As much of Cloudflare's API as a deployment asks for. It remembers the Worker that was uploaded, and the tag of its last migration. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Migrations {
  old_tag?: string;
  new_tag: string;
  steps: { new_sqlite_classes?: string[] }[];
}

export interface Uploaded {
  main_module: string;
  bindings: { name: string; type: string; class_name?: string; text?: string }[];
  migrations?: Migrations;
  keep_bindings: string[];
}

/** What a GET finds, by the end of its path. */
const found: [RegExp, unknown][] = [
  [/\/(secrets|schedules|routes)$/, []],
  [/\/deployments$/, { deployments: [] }],
  [/\/settings$/, { bindings: [] }],
  [/\/workers\/subdomain$/, { subdomain: "example" }],
  [/\/workers\/workers\/\w+$/, { id: "1", subdomain: { enabled: true, previews_enabled: false } }],
  [/\/assets-upload-session$/, { jwt: "any", buckets: [] }],
];

/** With migrations the Worker is replaced, and without any it gets a version. */
const uploading = /^(PUT \S+\/workers\/scripts\/\w+|POST \S+\/versions)$/;

export async function startCloudflareApi() {
  let tag: string | undefined;
  const uploads: Uploaded[] = [];
  let crons: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pathname } = new URL(request.url as string, "http://localhost");
    const body = new Response(Buffer.concat(chunks), {
      headers: { "content-type": request.headers["content-type"] ?? "text/plain" },
    });
    let result: unknown = found.find(([path]) => path.test(pathname))?.[1] ?? {};
    let status = 200;
    if (/\/workers\/services\/\w+$/.test(pathname)) {
      if (uploads.length === 0) status = 404;
      result = { default_environment: { script: { migration_tag: tag, last_deployed_from: "wrangler" } } };
    } else if (uploading.test(`${request.method} ${pathname}`)) {
      const upload: Uploaded = JSON.parse((await body.formData()).get("metadata") as string);
      uploads.push(upload);
      tag = upload.migrations?.new_tag ?? tag;
      const script = { etag: "1" };
      result = { id: "1", ...script, startup_time_ms: 1, deployment_id: "1", resources: { script } };
    } else if (request.method === "PUT" && pathname.endsWith("/schedules")) {
      crons = ((await body.json()) as { cron: string }[]).map(({ cron }) => cron);
    }
    // That there is no such Worker yet.
    const errors = status === 404 ? [{ code: 10007, message: "not found" }] : [];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ success: status === 200, errors, messages: [], result }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`,
    uploads,
    crons: () => crons,
    /** As if an older deployment had been made, up to this tag. */
    deployedBefore(old: string): void {
      tag = old;
      uploads.push({ main_module: "old.js", bindings: [], keep_bindings: [] });
    },
    close: () => server.close(),
  };
}
