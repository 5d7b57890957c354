/** How a file is to be checked. */
import { computed, signal } from "@preact/signals";
import { defaults, endpoints } from "../../core/rules.ts";
import type { Dialect } from "../../core/types.ts";
import { Copy } from "../copy.tsx";
import type { CheckSettings } from "../reader/protocol.ts";

const KNOWN = Object.keys(endpoints);
const MIB = 1 << 20;
const OTHER = "other";

const endpoint = signal("");
const otherEndpoint = signal("");
const dialect = signal<Dialect>("openai");
const singleModel = signal(false);
const maxRequests = signal(defaults.limits.maxRequests);
const maxMib = signal(defaults.limits.maxFileBytes / MIB);

/** The current settings. */
export const settings = computed<CheckSettings>(() => ({
  endpoint: (endpoint.value === OTHER ? otherEndpoint.value.trim() : endpoint.value) || null,
  dialect: dialect.value,
  singleModel: singleModel.value,
  maxRequests: maxRequests.value,
  maxFileBytes: maxMib.value * MIB,
}));

/** What of a link's settings is not as it comes, as the query of the hash. */
export const settingsQuery = computed(() => {
  const { endpoint, dialect, singleModel, maxRequests, maxFileBytes } = settings.value;
  const given = {
    endpoint,
    dialect: dialect !== "openai" && dialect,
    single_model: singleModel && "true",
    max_requests: maxRequests !== defaults.limits.maxRequests && maxRequests,
    max_mib: maxFileBytes !== defaults.limits.maxFileBytes && maxFileBytes / MIB,
  };
  const set = Object.entries(given).filter(([, value]) => value);
  return new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
});

/** Takes settings from a link such as `#/?endpoint=/v1/embeddings&max_requests=100`. Others stay as they are. */
export function readSettings(hash: string): void {
  if (!hash.startsWith("#/?")) return;
  const given = new URLSearchParams(hash.slice(3));
  const path = given.get("endpoint");
  if (path !== null) {
    endpoint.value = path === "" || KNOWN.includes(path) ? path : OTHER;
    otherEndpoint.value = path;
  }
  const texts = given.get("dialect");
  if (texts === "openai" || texts === "reference") dialect.value = texts;
  if (given.has("single_model")) singleModel.value = given.get("single_model") === "true";
  maxRequests.value = wholeFrom(given.get("max_requests") ?? "", maxRequests.value);
  maxMib.value = wholeFrom(given.get("max_mib") ?? "", maxMib.value);
}

readSettings(location.hash);
addEventListener("hashchange", () => readSettings(location.hash));

/** Raises the limit so that a file of that size is read to its end. That it has too many requests may stay true. */
export function raiseMaxFileBytes(bytes: number): void {
  maxMib.value = Math.max(maxMib.value, Math.ceil(bytes / MIB));
}

/** Whether two settings check alike. */
export function same(a: CheckSettings, b: CheckSettings): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function wholeFrom(text: string, otherwise: number): number {
  const value = Math.floor(Number(text));
  return Number.isFinite(value) && value >= 1 ? value : otherwise;
}

const text = (event: Event) => (event.currentTarget as HTMLInputElement | HTMLSelectElement).value;

const linkToSettings = () => `${location.href.split("#")[0]}#/?${settingsQuery.value}`;

export function Options() {
  return (
    <form class="options" aria-label="How to check" onSubmit={(event) => event.preventDefault()}>
      <div class="options-main">
        <label>
          <span>Endpoint</span>
          <select value={endpoint.value} onChange={(event) => (endpoint.value = text(event))}>
            <option value="">From the first line</option>
            {KNOWN.map((path) => (
              <option key={path} value={path}>
                {path}
              </option>
            ))}
            <option value={OTHER}>Another…</option>
          </select>
        </label>
        {endpoint.value === OTHER && (
          <label>
            <span>Path</span>
            <input
              type="text"
              value={otherEndpoint.value}
              placeholder="/v1/…"
              spellcheck={false}
              autocapitalize="none"
              onInput={(event) => (otherEndpoint.value = text(event))}
            />
          </label>
        )}
        <label>
          <span>Error wording</span>
          <select value={dialect.value} onChange={(event) => (dialect.value = text(event) as Dialect)}>
            <option value="openai">OpenAI’s</option>
            <option value="reference">edgebatch’s own</option>
          </select>
        </label>
      </div>
      <details>
        <summary>Limits and more</summary>
        <div class="options-more">
          <label>
            <span>Max requests</span>
            <input
              type="number"
              min={1}
              value={maxRequests.value}
              onInput={(event) => (maxRequests.value = wholeFrom(text(event), maxRequests.value))}
            />
          </label>
          <label>
            <span>Max size (MiB)</span>
            <input
              type="number"
              min={1}
              value={maxMib.value}
              onInput={(event) => (maxMib.value = wholeFrom(text(event), maxMib.value))}
            />
          </label>
          <label class="check">
            <input
              type="checkbox"
              checked={singleModel.value}
              onChange={(event) => (singleModel.value = event.currentTarget.checked)}
            />
            <span>All requests must name the same model, as OpenAI requires</span>
          </label>
        </div>
      </details>
      <p class="muted">
        Link to these settings: <Copy text={linkToSettings()} label="Copy a link to these settings" />
      </p>
    </form>
  );
}
