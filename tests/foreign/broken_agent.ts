// An agent that passes the checks before an update, and does not work as a service.

import { buildInfo } from "../../lib/base/version.ts";

const { version, commit } = buildInfo();
if (Deno.args.includes("--version")) {
  await Deno.stdout.write(
    new TextEncoder().encode(`piri-agent ${version} (commit ${commit})\n`),
  );
} else if (!Deno.args.includes("check")) {
  throw new TypeError("it does not work");
}
