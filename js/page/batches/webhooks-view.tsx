/** Whom a server tells when a batch has ended: endpoints are listed, added, tried out and deleted. */
import { useEffect, useState } from "preact/hooks";
import { announce } from "../announce.ts";
import { Copy } from "../copy.tsx";
import { Failure } from "../failure.tsx";
import { CallError, json, send } from "./api.ts";
import { Confirm } from "./confirm.tsx";
import { ConnectForm } from "./connect-form.tsx";
import { type Connection, connection } from "./connection.ts";
import { featuresOf, learnFeatures } from "./features.ts";

interface Endpoint {
  id: string;
  name: string;
  url: string;
  event_types: string[];
  /** Of one that was just made: it is told this once. */
  signing_secret?: string;
}

const PATH = "/webhook_endpoints";
const MOST = 100;

export function WebhooksView() {
  const to = connection.value;
  return (
    <>
      <p class="back">
        <a href="#/batches">All batches</a>
      </p>
      <div class="view-head">
        <h1>Webhooks</h1>
        {to && <p class="muted server">{to.base}</p>}
      </div>
      {to ? <Endpoints key={to.base} to={to} /> : <ConnectForm />}
    </>
  );
}

function Endpoints({ to }: { to: Connection }) {
  const [endpoints, setEndpoints] = useState<Endpoint[] | null>(null);
  const [made, setMade] = useState<Endpoint | null>(null);
  const [failure, setFailure] = useState("");
  const list = async () => {
    try {
      const { data } = await json<{ data?: unknown }>(to, `${PATH}?limit=${MOST}`);
      if (!Array.isArray(data)) throw new CallError("This server has no webhooks.");
      setEndpoints(data);
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  useEffect(() => {
    void learnFeatures(to);
    void list();
  }, []);
  return (
    <div class="webhooks">
      <p class="lead">When a batch ends, the server posts a signed message to each of these addresses.</p>
      <Failure text={failure} />
      {endpoints === null && !failure && <p class="empty">Loading…</p>}
      {endpoints?.length === 0 && <p class="empty">No webhooks yet.</p>}
      {made?.signing_secret && (
        <p class="notice" role="status">
          The signing secret of {made.name}, shown only this once: <code>{made.signing_secret}</code>{" "}
          <Copy text={made.signing_secret} label="Copy the signing secret" />
        </p>
      )}
      {endpoints && endpoints.length > 0 && (
        <ul class="batches">
          {endpoints.map((endpoint) => (
            <Row key={endpoint.id} to={to} endpoint={endpoint} deleted={() => void list()} />
          ))}
        </ul>
      )}
      {endpoints && (
        <Add
          to={to}
          added={(endpoint) => {
            setMade(endpoint);
            announce(`${endpoint.name} was added.`);
            void list();
          }}
        />
      )}
    </div>
  );
}

function Row({ to, endpoint, deleted }: { to: Connection; endpoint: Endpoint; deleted: () => void }) {
  const { id, name, url, event_types: events } = endpoint;
  const [asking, setAsking] = useState(false);
  const [said, setSaid] = useState("");
  const [failure, setFailure] = useState("");
  const path = `${PATH}/${encodeURIComponent(id)}`;
  const tried = async (work: () => Promise<void>) => {
    setAsking(false);
    setSaid("");
    setFailure("");
    try {
      await work();
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  const test = () =>
    tried(async () => {
      setSaid("Sending an example…");
      const sent = json<{ status_code: number }>(to, `${path}/test`, { event_type: events[0] });
      const { status_code: status } = await sent.finally(() => setSaid(""));
      setSaid(`The example was answered with status ${status}.`);
    });
  const remove = () =>
    tried(async () => {
      await send(to, path, { method: "DELETE" });
      announce(`${name} was deleted.`);
      deleted();
    });
  return (
    <li>
      <span class="batch-name">
        <b>{name}</b>
        <code>{url}</code>
        <span class="muted">{events.map(wordOf).join(", ")}</span>
      </span>
      <div class="buttons">
        <button type="button" aria-label={`Test ${name}`} onClick={() => void test()}>
          Test
        </button>
        <button type="button" aria-label={`Delete ${name}`} onClick={() => setAsking(true)}>
          Delete
        </button>
      </div>
      <div class="batch-when" role="status">
        {said}
        <Failure text={failure} />
      </div>
      {asking && (
        <Confirm
          title={`Delete ${name}?`}
          no="No, keep it"
          yes="Yes, delete it"
          closed={() => setAsking(false)}
          confirmed={() => void remove()}
        >
          Messages not yet sent to it are discarded.
        </Confirm>
      )}
    </li>
  );
}

/** `batch.completed`, without what all have. */
const wordOf = (event: string) => event.replace("batch.", "");

function Add({ to, added }: { to: Connection; added: (endpoint: Endpoint) => void }) {
  const [failure, setFailure] = useState("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setFailure("");
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    const { name, url } = Object.fromEntries(given);
    try {
      added(await json<Endpoint>(to, PATH, { name, url, event_types: given.getAll("events") }));
      form.reset();
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  return (
    <form class="connect card" aria-label="Add a webhook" onSubmit={submit}>
      <h2>Add a webhook</h2>
      <label for="webhook-name">Name</label>
      <input id="webhook-name" name="name" required autocomplete="off" />
      <label for="webhook-url">Address</label>
      <input id="webhook-url" name="url" type="url" required placeholder="https://" autocomplete="off" />
      <fieldset>
        <legend>When a batch is</legend>
        {featuresOf(to).events.map((type) => (
          <label key={type} class="check">
            <input type="checkbox" name="events" value={type} defaultChecked />
            <span>{wordOf(type)}</span>
          </label>
        ))}
      </fieldset>
      <Failure text={failure} />
      <div class="buttons">
        <button type="submit" class="primary">
          Add
        </button>
      </div>
    </form>
  );
}
