/** What was promised and is not so. */
export class Broken extends Error {
  override name = "Broken";
}
