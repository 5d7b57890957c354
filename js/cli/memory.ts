/** How much memory the process takes for what it soon throws away. */

/**
 * V8 lets its young generation grow to 128 MB under load, and gives nothing back while it lasts: a third of what a server
 * took at 200 requests in flight. Nothing here lives between a few requests and the whole run, so a small one does as well,
 * at some more of processor time. It only ever grows where this flag, which V8 reads each time, lets it. No other way leads
 * there but flags of `node` itself, which a command has no place for. Where V8 does not know it nothing happens.
 */
export function keepYoungGenerationSmall(): void {
  process.getBuiltinModule?.("node:v8")?.setFlagsFromString?.("--semi-space-growth-factor=1");
}
