// Runs a command with the environment of this process, and prints its end as JSON. The first argument are the parameters,
// the second one what an agent's configuration says of its surroundings.

import { codeOf, messageOf } from "../../lib/base/errors.ts";
import { commandRun } from "../../lib/operations/command_run.ts";
import { finish, newContext, textOf } from "./support.ts";

const [params = "{}", surroundings = "{}"] = Deno.args;
const context = newContext(undefined, JSON.parse(surroundings));
try {
  const { stdout } = await finish(
    commandRun.run(JSON.parse(params), context),
  );
  print({ stdout: textOf(stdout), marker: context.marker });
} catch (error) {
  print({ code: codeOf(error), message: messageOf(error) });
}

function print(end: Record<string, unknown>): void {
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(end)));
}
