/**
 * Logs a few lines and ends in the way that its first argument names. The second one is the format of the log, the third
 * one its file.
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

const format = Deno.args[1] === "json" ? "json" : "text";
await startLog({ level: "info", format, file: Deno.args[2] });
const log = logger("test");
log.info("one");
log.info("Command {id}", { id: 59n });
log.info("Agent {name} is {count} of {all}", {
  name: "web-1",
  count: 2,
  all: [1, 2],
});
log.warning("two");
log.info("three");
ENDS[Deno.args[0] ?? ""]?.();
