import { fromFileUrl } from "@std/path";
import { CALLS_SUBCOMMAND } from "./calls.ts";

/** Words that start the process of custom operations: this program again, with all that it may do itself. */
export function callsArgv(): [string, ...string[]] {
  const program = Deno.execPath();
  if (Deno.build.standalone) return [program, CALLS_SUBCOMMAND];
  const main = fromFileUrl(new URL("./calls_main.ts", import.meta.url));
  return [
    program,
    ...["run", "--quiet", "--no-lock", "--no-prompt", "--allow-all"],
    ...["--unstable-worker-options", main],
  ];
}
