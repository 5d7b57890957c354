const edgebatch = require("edgebatch");

import("../common/run.js").then(async ({ run }) => console.log(await run(edgebatch)));
