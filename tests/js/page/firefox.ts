/** Real Firefox, by WebDriver BiDi over its own socket: as much of it as a smoke test needs. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../server/suite/batches.ts";

const START_MS = 60_000;

export interface Firefox {
  /** Opens an address. */
  open(url: string): Promise<void>;
  /** What an expression of the page gives, as text. */
  evaluate(expression: string): Promise<string>;
  /** Waits until an expression of the page is true. */
  waitFor(what: string, expression: string): Promise<void>;
  /** Clicks the button of a name, as a person would. */
  click(button: string): Promise<void>;
  /** Gives files of the disk to an input. */
  choose(selector: string, files: string[]): Promise<void>;
  stop(): Promise<void>;
}

interface Answer {
  id?: number;
  error?: string;
  message?: string;
  result?: unknown;
}

/** Starts it with a profile of its own. */
export async function startFirefox(path: string): Promise<Firefox> {
  const profile = await mkdtemp(join(tmpdir(), "edgebatch-firefox-"));
  const args = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile];
  const child = spawn(path, args, { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const address = () => /WebDriver BiDi listening on (ws:\S+)/.exec(printed)?.[1];
  await until("Firefox listens", () => address() !== undefined, START_MS);
  const socket = new WebSocket(`${address()}/session`);
  await new Promise((done, failed) => {
    socket.onopen = done;
    socket.onerror = failed;
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  socket.onmessage = ({ data }) => {
    const answer = JSON.parse(data) as Answer;
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
  };
  let calls = 0;
  const call = async <T>(method: string, params: object): Promise<T> => {
    const id = ++calls;
    const answered = new Promise<Answer>((done) => waiting.set(id, done));
    socket.send(JSON.stringify({ id, method, params }));
    const { error, message, result } = await answered;
    if (error) throw new Error(`${method}: ${error}: ${message}`);
    return result as T;
  };
  await call("session.new", { capabilities: {} });
  const { context } = await call<{ context: string }>("browsingContext.create", { type: "tab" });
  const target = { context };
  const run = async (expression: string) => {
    const params = { expression, target, awaitPromise: true, userActivation: true };
    const { result, exceptionDetails } = await call<{
      result?: { value?: unknown; sharedId?: string };
      exceptionDetails?: { text: string };
    }>("script.evaluate", params);
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.text}`);
    return result ?? {};
  };
  const evaluate = async (expression: string) => String((await run(expression)).value);
  return {
    open: async (url) => {
      await call("browsingContext.navigate", { context, url, wait: "complete" });
    },
    evaluate,
    waitFor: (what, expression) =>
      until(what, async () => (await evaluate(`Boolean(${expression})`)) === "true"),
    click: async (name) => {
      const found = `[...document.querySelectorAll("button")].find((each) => each.textContent === ${JSON.stringify(name)})`;
      await until(`there is ${name}`, async () => (await evaluate(`Boolean(${found})`)) === "true");
      const { sharedId } = await run(`${found}`);
      const origin = { type: "element", element: { sharedId } };
      await run(`${found}.scrollIntoView({ block: "center" })`);
      const actions = [
        { type: "pointerMove", x: 0, y: 0, origin },
        { type: "pointerDown", button: 0 },
        { type: "pointerUp", button: 0 },
      ];
      await call("input.performActions", { context, actions: [{ type: "pointer", id: "mouse", actions }] });
    },
    choose: async (selector, files) => {
      const { sharedId } = await run(`document.querySelector(${JSON.stringify(selector)})`);
      await call("input.setFiles", { context, element: { sharedId }, files });
    },
    stop: async () => {
      const ended = new Promise((done) => child.once("exit", done));
      socket.close();
      child.kill();
      await ended;
      await rm(profile, { recursive: true, force: true });
    },
  };
}
