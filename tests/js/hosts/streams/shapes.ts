/** Streams of all servers. */

import { desk } from "./desk.ts";
import { gpu } from "./gpu.ts";
import { hosted } from "./hosted.ts";
import type { Shape } from "./shape.ts";

export * from "./shape.ts";
export const shapes: Shape[] = [...hosted, ...gpu, ...desk];
