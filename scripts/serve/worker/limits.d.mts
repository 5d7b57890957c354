import type worker from "../../../js/worker/index.ts";

export { Lane, Runner, Tenant } from "../../../js/worker/index.ts";

declare const limited: typeof worker;
export default limited;
