/** The command line, where it makes new files of files: the wasm that servers do without, beside the library's own. */

import { setConvertCore } from "../core/convert.ts";
import { setRepairCore } from "../core/repair.ts";
import { fs } from "../hosts/shared/node-modules.ts";
import * as glue from "../wasm/validator.js";

glue.initSync({ module: fs().readFileSync(new URL("../wasm/validator_bg.wasm", import.meta.url)) });
setRepairCore(glue);
setConvertCore(glue);

export { Convert, Split, sniff } from "../core/convert.ts";
export { Repair } from "../core/repair.ts";
