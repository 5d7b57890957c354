/** The image, the units and the examples of deploy/ fit the package as it is: nothing in them names what is not there. */

import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { edgebatch, environment, folder } from "./cli/command.ts";
import { serving, stateFolder } from "./node/serving.ts";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");
const dockerfile = read("Dockerfile");
const unit = read("deploy/edgebatch.service");
const compose = parse(read("deploy/compose.yaml"));
const objects = parseAllDocuments(read("deploy/kubernetes.yaml")).map((document) => document.toJS());
const object = (kind: string) => objects.find((each) => each.kind === kind);
const pod = object("Deployment").spec.template.spec;
const [container] = pod.containers;
const manifest = JSON.parse(read("package.json"));

/** What `serve --help` says. */
const help = (await edgebatch(["serve", "--help"])).stdout;
const grace = Number(/--grace.*?\(default:\s+(\d+)\)/s.exec(help)?.[1]);

/** Those that no option says. */
const otherVariables = ["EDGEBATCH_KEY"];

test("every variable of the image and the units is an option of serve", () => {
  const files = ["Dockerfile", ...readdirSync(join(root, "deploy")).map((name) => `deploy/${name}`)];
  const found = files.flatMap((file) =>
    [...read(file).matchAll(/\bEDGEBATCH_[A-Z_]+/g)].map(([name]) => name),
  );
  assert(new Set(found).size > 5, "the pattern finds some");
  const options = new Set(help.match(/--[a-z][a-z-]*/g));
  const optionOf = (name: string) =>
    `--${name.slice("EDGEBATCH_".length).toLowerCase().replaceAll("_", "-")}`;
  const unknown = found.filter((name) => !otherVariables.includes(name) && !options.has(optionOf(name)));
  assert.deepEqual(unknown, []);
});

test("whoever ends it waits for longer than serve takes to end", () => {
  assert(grace > 0);
  assert(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) > grace);
  assert(Number.parseInt(compose.services.edgebatch.stop_grace_period, 10) > grace);
  assert(pod.terminationGracePeriodSeconds > grace);
});

suite("the image", () => {
  test("is made of a Node that the package takes, and of a Rust that builds it", () => {
    const least = /^>=(\d+)/.exec(manifest.engines.node)?.[1];
    const nodes = [...dockerfile.matchAll(/^FROM node:(\d+)/gm)].map(([, version]) => Number(version));
    assert.equal(new Set(nodes).size, 1);
    assert((nodes[0] as number) >= Number(least));
    const rust = /^FROM rust:1\.(\d+)/m.exec(dockerfile)?.[1];
    const wanted = /^rust-version = "1\.(\d+)/m.exec(read("Cargo.toml"))?.[1];
    assert(Number(rust) >= Number(wanted));
  });

  test("copies what is there, and leaves out what it makes itself", () => {
    const sources = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, names = ""]) =>
      names.split(" "),
    );
    assert(sources.length > 5);
    assert.deepEqual(
      sources.filter((name) => !existsSync(join(root, name))),
      [],
    );
    const ignored = read(".dockerignore").split("\n");
    for (const made of read(".gitignore").trim().split("\n"))
      assert(ignored.includes(made.replace("/", "")), made);
    assert.deepEqual(
      sources.filter((name) => ignored.includes(name)),
      [],
    );
  });

  test("runs the command of the package, as nobody in particular, with its state in a volume", () => {
    assert(dockerfile.includes(`ln -s /app/${manifest.bin.edgebatch} /usr/local/bin/edgebatch`));
    assert.match(dockerfile, /^ENTRYPOINT \["edgebatch"\]\nCMD \["serve"\]$/m);
    const [, user] = /^USER (\d+):\d+$/m.exec(dockerfile) ?? [];
    assert.equal(user, "1000");
    assert.equal(pod.securityContext.runAsUser, 1000);
    const data = /EDGEBATCH_DATA=(\S+)/.exec(dockerfile)?.[1];
    assert.equal(/^VOLUME (\S+)$/m.exec(dockerfile)?.[1], data);
    assert.deepEqual(compose.services.edgebatch.volumes, [`state:${data}`]);
    assert(container.volumeMounts.some(({ mountPath }: { mountPath: string }) => mountPath === data));
  });

  test("is healthy while a server answers, and is not when none does", async () => {
    const [, command] = /^HEALTHCHECK [\s\S]*?\n {2}CMD (\[.*\])$/m.exec(dockerfile) ?? [];
    const [program, ...args] = JSON.parse(command as string);
    assert.equal(program, "node");
    const check = (port: string) =>
      spawnSync(process.execPath, args, { env: environment({ EDGEBATCH_PORT: port }) }).status;
    const server = await serving(["--data", stateFolder()]);
    const { port } = new URL(server.url);
    assert.equal(check(port), 0);
    await server.end("SIGKILL");
    assert.equal(check(port), 1);
  });
});

suite("compose", () => {
  test("has the model server of each profile at the address that edgebatch is given", () => {
    const { hostname, port } = new URL(compose.services.edgebatch.environment.EDGEBATCH_URL);
    for (const name of ["vllm", "llama"]) {
      const service = compose.services[name];
      assert.deepEqual(service.networks.default.aliases, [hostname]);
      assert.equal(service.command[service.command.indexOf("--port") + 1], port);
      assert.equal(service.profiles.length, 1);
    }
  });

  test("names volumes that it makes, and a port of this machine alone", () => {
    const mounts = Object.values(compose.services as Record<string, { volumes: string[] }>).flatMap(
      (s) => s.volumes,
    );
    for (const mount of mounts) assert((mount.split(":")[0] as string) in compose.volumes, mount);
    assert.deepEqual(compose.services.edgebatch.ports, ["127.0.0.1:8080:8080"]);
  });
});

suite("Kubernetes", () => {
  test("has one process for the folder, and names nothing that is not there", () => {
    const { spec } = object("Deployment");
    assert.deepEqual([spec.replicas, spec.strategy.type], [1, "Recreate"]);
    assert.deepEqual(spec.selector.matchLabels, spec.template.metadata.labels);
    assert.deepEqual(object("Service").spec.selector, spec.selector.matchLabels);
    const volumes = new Map(pod.volumes.map((volume: { name: string }) => [volume.name, volume]));
    for (const { name } of container.volumeMounts) assert(volumes.has(name), name);
    const claim = pod.volumes.find(
      (volume: { persistentVolumeClaim?: object }) => volume.persistentVolumeClaim,
    );
    assert.equal(claim.persistentVolumeClaim.claimName, object("PersistentVolumeClaim").metadata.name);
    const config = pod.volumes.find((volume: { configMap?: object }) => volume.configMap);
    assert.equal(config.configMap.name, object("ConfigMap").metadata.name);
    assert.equal(object("Service").spec.ports[0].targetPort, container.ports[0].name);
  });

  test("asks a server for what it answers", async () => {
    const server = await serving(["--data", stateFolder()]);
    for (const probe of [container.livenessProbe, container.readinessProbe]) {
      assert.equal(probe.httpGet.port, container.ports[0].name);
      assert.equal((await fetch(server.url + probe.httpGet.path)).status, 200);
    }
  });

  test("has settings that serve takes", async () => {
    const [[name, text]] = Object.entries(object("ConfigMap").data) as [[string, string]];
    const value = (variable: string) =>
      container.env.find((each: { name: string }) => each.name === variable).value as string;
    assert(value("EDGEBATCH_CONFIG").endsWith(`/${name}`));
    const file = join(folder(), name);
    writeFileSync(file, text);
    const { status, stdout, stderr } = await edgebatch(["serve", "--config", file, "--check"]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /concurrency +64/);
    // What Prometheus is told, and what is open.
    const { annotations } = object("Deployment").spec.template.metadata;
    const port = /metrics_port +(\d+)/.exec(stdout)?.[1];
    assert.equal(annotations["prometheus.io/port"], port);
    assert.equal(String(container.ports[1].containerPort), port);
  });
});

test("the systemd unit is one, where there is systemd to ask", (t) => {
  const program = "/usr/local/bin/edgebatch";
  assert(unit.includes(`\nExecStart=${program} serve\n`));
  if (spawnSync("systemd-analyze", ["--version"]).status !== 0) return t.skip("no systemd-analyze");
  const path = join(folder(), "edgebatch.service");
  writeFileSync(path, unit.replace(program, "/bin/true"));
  // Says on standard error what it does not know, and succeeds all the same.
  const { stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
  const own = stderr.split("\n").filter((line) => line.includes("edgebatch.service"));
  assert.deepEqual(own, []);
});

test("a signal reaches the server: nothing stands in front of it", () => {
  const starts = [dockerfile, unit].flatMap((text) => text.match(/^(CMD|ENTRYPOINT|ExecStart=).*/gm) ?? []);
  assert.deepEqual(starts, [
    'ENTRYPOINT ["edgebatch"]',
    'CMD ["serve"]',
    "ExecStart=/usr/local/bin/edgebatch serve",
  ]);
  assert.equal(container.command, undefined);
  assert.equal(compose.services.edgebatch.entrypoint, undefined);
});

test("a start that failed for what may pass is tried again, and not for ever", () => {
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1];
  assert.equal(value("Restart"), "always");
  assert.equal(
    value("RestartPreventExitStatus"),
    undefined,
    "a busy port ends with 2, as a wrong setting does",
  );
  const [pause, most, within] = ["RestartSec", "StartLimitBurst", "StartLimitIntervalSec"].map((name) =>
    Number(value(name)),
  ) as [number, number, number];
  assert(pause * most >= 120, "an outage of two minutes is outlasted");
  assert((pause + 4) * most <= within, "starts that take some seconds each reach the limit");
});

test("what their comments say to paste names files that are there", () => {
  const texts = [unit, dockerfile, read("deploy/compose.yaml"), read("deploy/kubernetes.yaml")].join("\n");
  const named = new Set([...texts.matchAll(/\bdeploy\/[\w.]+/g)].map(([path]) => path));
  assert(named.size > 2);
  for (const path of named) assert(existsSync(join(root, path)), path);
});
