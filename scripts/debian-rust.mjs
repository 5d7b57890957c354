import { Failure } from "./lib.mjs";
export function useDebianRust() { throw new Failure("not yet"); }
