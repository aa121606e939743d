// What an agent is to its processes; in a program of its own, because it stays so until its end.
// deno-lint-ignore-file no-console
import { readProcess } from "../../lib/operations/process_table.ts";
import { becomeSubreaper } from "../../lib/operations/subreaper.ts";
import { processesWith, uniqueSeconds } from "./support.ts";
import { until } from "../../scripts/local/until.ts";

const active = becomeSubreaper();
const seconds = uniqueSeconds();
const shell = `(env -i setsid sleep ${seconds} &); sleep 0.1; exit 3`;
const child = new Deno.Command("/bin/sh", { args: ["-c", shell] }).spawn();
await until("it runs", () => processesWith(`sleep\0${seconds}`).length === 1);
const [orphan] = processesWith(`sleep\0${seconds}`);
if (orphan === undefined) throw new Error("It does not run any more.");
const { code } = await child.status;
const parent = readProcess(orphan)?.parent;
Deno.kill(orphan, "SIGKILL");
await until("it is reaped", () => readProcess(orphan) === undefined);
const codes = await Promise.all(
  Array.from(
    { length: 50 },
    (_, i) =>
      new Deno.Command("/bin/sh", { args: ["-c", `exit ${i}`] }).spawn().status,
  ),
);
console.log(JSON.stringify({
  active,
  adopted: parent === Deno.pid,
  codes: [code, ...codes.map((status) => status.code)],
}));
