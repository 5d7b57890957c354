/** Whether a model server is to be asked, by how its last calls went. */

/** Failures in a row after which a server is left out. */
const REPEATEDLY = 3;
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/** What a call says of its server. A caller that went, or a time that ran out, says nothing. */
export type Verdict = "works" | "fails" | "nothing";

export class Health {
  #failures = 0;
  #leftOutMs = 0;
  /** Until when it is left out, and then until a call was answered. */
  #until: number | null = null;
  /** Whether it is asked for a sign of life, has given one, or neither. */
  #sign: "none" | "asked" | "given" = "none";
  #probe: object | undefined;

  get isLeftOut(): boolean {
    return this.#until !== null;
  }

  /** When it may be asked again; the past for one that is not left out. */
  get until(): number {
    return this.#until ?? Number.NEGATIVE_INFINITY;
  }

  /** Whether a call may go to it: any, or the one that finds out whether it works again. */
  get isOpen(): boolean {
    return this.#until === null || (this.#sign === "given" && this.#probe === undefined);
  }

  /** Whether to ask for a sign of life now. Says so once. */
  isDue(now: number): boolean {
    if (this.#until === null || now < this.#until || this.#sign !== "none") return false;
    this.#sign = "asked";
    return true;
  }

  /** It gave a sign of life, or none. */
  gaveSign(isThere: boolean, now: number): void {
    if (this.#until === null) return;
    if (isThere) this.#sign = "given";
    else this.#leaveOut(now);
  }

  /** A call goes to it. What this gives is said again when the call ends. */
  started(): object {
    const call = {};
    if (this.#sign === "given") this.#probe ??= call;
    return call;
  }

  /** Says what has changed by it, if anything. */
  ended(call: object, verdict: Verdict, now: number): "left out" | "back" | undefined {
    const isProbe = call === this.#probe;
    if (isProbe) this.#probe = undefined;
    if (verdict === "works") {
      const wasLeftOut = this.isLeftOut;
      this.#failures = 0;
      this.#leftOutMs = 0;
      this.#until = null;
      this.#sign = "none";
      return wasLeftOut ? "back" : undefined;
    }
    if (this.isLeftOut) {
      // Of calls that were sent before, or because no server was left, more of the same was to be expected.
      if (isProbe && verdict === "fails") this.#leaveOut(now);
      return undefined;
    }
    if (verdict === "fails") this.#failures += 1;
    if (this.#failures < REPEATEDLY) return undefined;
    this.#leaveOut(now);
    return "left out";
  }

  #leaveOut(now: number): void {
    this.#leftOutMs = Math.min(Math.max(this.#leftOutMs * 2, FIRST_MS), LONGEST_MS);
    this.#until = now + this.#leftOutMs;
    this.#sign = "none";
  }
}
