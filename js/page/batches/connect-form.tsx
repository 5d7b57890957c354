/** Asks for the server's address and a key, and tries them; the page's own server is tried without asking. */
import { useEffect, useId, useState } from "preact/hooks";
import { Failure } from "../failure.tsx";
import { listBatches } from "./api.ts";
import { baseOf, type Connection, connect, servers } from "./connection.ts";
import { looking, ownServer } from "./own-server.ts";

export function ConnectForm({ connected }: { connected?: (to: Connection) => void }) {
  const ids = { address: useId(), key: useId(), failure: useId() };
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const known = servers.value;
  useEffect(() => {
    if (looking.value) void ownServer().then((to) => to && connected?.(to));
  }, []);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setFailure("");
    try {
      const to = { base: baseOf(String(form.get("address"))), key: String(form.get("key")).trim() };
      await listBatches(to, 1);
      connect(to);
      connected?.(to);
    } catch (error) {
      setFailure(
        error instanceof TypeError
          ? "This is not an address. One looks like https://batches.example.com"
          : (error as Error).message,
      );
    } finally {
      setBusy(false);
    }
  };
  if (looking.value) return <p class="empty">Loading…</p>;
  return (
    <form class="connect" onSubmit={submit} aria-describedby={failure ? ids.failure : undefined}>
      {known.length > 0 && (
        <div class="buttons">
          <span class="muted">Connected before:</span>
          {known.map((to) => (
            <button
              type="button"
              key={to.base}
              onClick={() => {
                connect(to);
                connected?.(to);
              }}
            >
              {to.base}
            </button>
          ))}
        </div>
      )}
      <label for={ids.address}>Server address</label>
      <input
        id={ids.address}
        name="address"
        type="text"
        inputMode="url"
        required
        spellcheck={false}
        autocapitalize="none"
        autocomplete="off"
        defaultValue={known.length > 0 ? "" : location.origin}
      />
      <label for={ids.key}>
        Key <span class="muted">(if it asks for one)</span>
      </label>
      <input id={ids.key} name="key" type="password" autocomplete="off" />
      <p class="muted">Both are kept in this tab only, and forgotten when you close it.</p>
      <Failure text={failure} id={ids.failure} />
      <div class="buttons">
        <button type="submit" class="primary" disabled={busy}>
          {busy ? "Connecting…" : "Connect"}
        </button>
      </div>
    </form>
  );
}
