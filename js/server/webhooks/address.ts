/** Where webhooks may go: to the internet, and to nothing that only this machine or the network around it can reach. */

/** Longest address of an endpoint. */
const MAX_URL_CHARS = 2048;
/** Names that mean something in one network alone. */
const LOCAL_NAMES =
  /(^|\.)(localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa|test|invalid)$/;

/** Whether the operator lets webhooks go to private addresses, and without TLS to this machine. */
export interface AddressRules {
  allowPrivate: boolean;
}

/** What is wrong with an address, as a sentence that begins with "expected"; null when nothing is. */
export function wrongAddress(text: string, { allowPrivate }: AddressRules): string | null {
  if (text.length > MAX_URL_CHARS) return `expected at most ${MAX_URL_CHARS} characters.`;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isHere = url !== null && allowPrivate && url.protocol === "http:" && isLoopback(url.hostname);
  if (url === null || (url.protocol !== "https:" && !isHere)) return "expected an address with https://.";
  if (url.username !== "" || url.password !== "") return "expected an address without user name or password.";
  if (allowPrivate || isPublicHost(url.hostname)) return null;
  return "expected an address on the internet, but this one is private.";
}

/** Whether a host, as a URL has it, can be on the internet: the name alone says so, or not. */
export function isPublicHost(hostname: string): boolean {
  if (isAddress(hostname)) return isPublicAddress(hostname.replace(/^\[(.*)\]$/, "$1"));
  const name = hostname.toLowerCase().replace(/\.$/, "");
  return name.includes(".") && !LOCAL_NAMES.test(name);
}

/** Whether a host is an address, and no name. A URL has brought IPv4 addresses into their usual form. */
export function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d+(\.\d+){3}$/.test(hostname);
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** Whether an IPv4 or IPv6 address is one of the internet's. What cannot be read is none. */
export function isPublicAddress(address: string): boolean {
  if (!address.includes(":")) {
    const four = ipv4(address);
    return four !== null && isPublicIPv4(four);
  }
  const groups = ipv6(address);
  return groups !== null && isPublicIPv6(groups);
}

/** What is not the internet's, by IANA's registry of special addresses: an address, and how many bits of it count. */
const SPECIAL_IPV4 = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
  ...["192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"],
  ...["198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
].map((range) => {
  const [base = "", bits] = range.split("/");
  return { base: ipv4(base) ?? 0, size: 2 ** (32 - Number(bits)) };
});

function isPublicIPv4(address: number): boolean {
  return !SPECIAL_IPV4.some(({ base, size }) => address >= base && address < base + size);
}

function isPublicIPv6(groups: number[]): boolean {
  const [a = 0, b = 0, c = 0] = groups;
  const embedded = (groups[6] ?? 0) * 65_536 + (groups[7] ?? 0);
  const zeros = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  // An IPv4 address in IPv6's form, or behind a translator.
  if (zeros(0, 5) && groups[5] === 0xffff) return isPublicIPv4(embedded);
  if (a === 0x64 && b === 0xff9b && zeros(2, 6)) return isPublicIPv4(embedded);
  // Of the rest only what is given out, without protocols (2001::/23), examples, and 6to4, which holds IPv4 addresses.
  if (a < 0x2000 || a > 0x3fff) return false;
  if (a === 0x2001 && (b < 0x200 || b === 0xdb8)) return false;
  if (a === 0x2002 || (a === 0x3fff && b < 0x1000)) return false;
  // AS112, and addresses that are handed out for tests of networks.
  return !(a === 0x2620 && b === 0x4f && c === 0x8000);
}

/** An address in the usual form as a number. */
function ipv4(text: string): number | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (!parts?.every((part) => part < 256)) return null;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

/** The eight groups of an address. One with a zone is of this network. */
function ipv6(text: string): number[] | null {
  const [, before, dotted] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text) ?? [];
  const tail = dotted === undefined ? null : ipv4(dotted);
  if (dotted !== undefined && tail === null) return null;
  const hex =
    tail === null
      ? text
      : `${before}${Math.floor(tail / 65_536).toString(16)}:${(tail % 65_536).toString(16)}`;
  const halves = hex.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const [first = [], second = []] = halves;
  const missing = 8 - first.length - second.length;
  if (halves.length > 2 || (halves.length === 1 ? missing !== 0 : missing < 1)) return null;
  const groups = [...first, ...Array<string>(halves.length === 1 ? 0 : missing).fill("0"), ...second];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.map((group) => Number.parseInt(group, 16));
}
