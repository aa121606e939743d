// An agent that passes the checks before an update, and does not work as a service.

import { VERSION } from "../../lib/base/version.ts";

if (Deno.args.includes("--version")) {
  await Deno.stdout.write(
    new TextEncoder().encode(`piri-agent ${VERSION} (commit c0ffee)\n`),
  );
} else if (!Deno.args.includes("check")) {
  throw new TypeError("it does not work");
}
