/**
 * Logs three lines and ends in the way that its argument names.
 *
 * @module
 */
import { logger, startLog } from "../../lib/base/log.ts";

const ENDS: Readonly<Record<string, () => void>> = {
  returns: () => {},
  exits: () => Deno.exit(0),
  throws: () => {
    throw new Error("It was thrown");
  },
  rejects: () => void Promise.reject(new Error("It was rejected")),
};

await startLog({ level: "info", format: "text" });
const log = logger("test");
log.info("one");
log.warning("two");
log.info("three");
ENDS[Deno.args[0] ?? ""]?.();
