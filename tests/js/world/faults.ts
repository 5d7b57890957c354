/** What happens to a world. Chances are of each call; times are means, in milliseconds, and Infinity is never. */

export interface Faults {
  /** A server's process dies, at any moment of any call. */
  killMs: number;
  /** A server's process is cut off for a while: nothing of it comes through, and then all does. How often, and how long. */
  stallMs: number;
  stallForMs: number;
  /** Of calls of the store: refused, nothing was done; done, and nobody heard of it; slow. */
  refused: number;
  lost: number;
  slow: number;
  slowMs: number;
  /** The store refuses everything for a while: how often, and how long. */
  outageMs: number;
  outageForMs: number;
  /** The same of objects of files, and of their last byte: cut off in the middle. */
  blobRefused: number;
  blobLost: number;
  /** What the model server does instead of an answer. */
  throttled: number;
  broken: number;
  reset: number;
  hangs: number;
  unreadable: number;
  late: number;
  lateMs: number;
  /** It throttles everybody for a while. */
  stormMs: number;
  stormForMs: number;
  /** A client hears nothing of a call that was carried out. */
  unheard: number;
  /** The site of webhooks is away, or answers with an error. */
  siteFails: number;
  /** The site takes a call and does not answer. */
  siteHangs: number;
  /** A client's call comes twice, and only the second answer comes back. */
  doubled: number;
  /** The clock of a machine is set, ahead or back, or put right: how often, and by how much. The other machines' go on as they did. */
  jumpMs: number;
  jumpByMs: number;
  /** Nothing more can be written, as where it is kept is full: how often, and for how long. */
  fullMs: number;
  fullForMs: number;
  /** Of the Worker: a new version replaces all objects at once, and an alarm of a Runner never comes. */
  deployMs: number;
  lostAlarm: number;
  /** A list gives fewer entries than it might, and says that there are more. */
  short: number;
  /** Where several serve: a change is not announced to another, or is so twice. */
  unannounced: number;
  announcedTwice: number;
  /** A server that starts is of the build before, which knows nothing of what records have by choice. */
  older: number;
  /** The first tenant's store was left by the first version, with a batch that had come to some phase. */
  inherited: number;
}

/** What happens to a call, or does not. */
export type Chances = Exclude<keyof Faults, `${string}Ms`>;

export const none: Faults = {
  ...{ killMs: Infinity, stallMs: Infinity, stallForMs: 0 },
  ...{ refused: 0, lost: 0, slow: 0, slowMs: 0, outageMs: Infinity, outageForMs: 0 },
  ...{ blobRefused: 0, blobLost: 0 },
  ...{ throttled: 0, broken: 0, reset: 0, hangs: 0, unreadable: 0, stormMs: Infinity, stormForMs: 0 },
  ...{ late: 0, lateMs: 0, unheard: 0, siteFails: 0, siteHangs: 0, doubled: 0 },
  ...{ jumpMs: Infinity, jumpByMs: 0, fullMs: Infinity, fullForMs: 0, short: 0 },
  ...{ deployMs: Infinity, lostAlarm: 0 },
  ...{ unannounced: 0, announcedTwice: 0, older: 0, inherited: 0 },
};

/** Everything at once. */
export const rough: Faults = {
  ...{ killMs: 12_000, stallMs: 15_000, stallForMs: 6_000 },
  ...{ refused: 0.01, lost: 0.01, slow: 0.02, slowMs: 400, outageMs: 90_000, outageForMs: 10_000 },
  ...{ blobRefused: 0.02, blobLost: 0.02 },
  ...{ throttled: 0.02, broken: 0.02, reset: 0.02, hangs: 0.003, unreadable: 0.005 },
  ...{ stormMs: 120_000, stormForMs: 15_000 },
  ...{ late: 0.01, lateMs: 40_000, unheard: 0.03, siteFails: 0.3, siteHangs: 0.05, doubled: 0.03 },
  ...{ jumpMs: 60_000, jumpByMs: 2 * 3_600_000, fullMs: 150_000, fullForMs: 15_000, short: 0.05 },
  ...{ deployMs: 25_000, lostAlarm: 0.02 },
  ...{ unannounced: 0.1, announcedTwice: 0.1, older: 0.2, inherited: 0.25 },
};

/** What servers live with that go on for hours: nothing of their own dies, and clocks are right. */
export const lasting: Faults = {
  ...rough,
  ...{ killMs: Infinity, jumpMs: Infinity, older: 0, inherited: 0 },
  ...{ stallMs: 600_000, outageMs: 900_000, fullMs: 1_800_000, stormMs: 900_000 },
};
