import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { answered } from "./ids.ts";
import { commandJson } from "./json.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { parseIdOf } from "./typed_id.ts";

/** `give-up 12`: ends the wait for a command whose agent stays away. */
export const giveUp = defineSubcommand({
  name: "give-up",
  summary: "count a command as lost until its agent reports on it",
  positionals: { id: { type: "one", summary: "id of the command" } },
  flags: {},
  examples: ["12", "12 --json"],
  async execute(
    { positionals, dir, output, terminal },
    services: ManagerServices,
  ) {
    const id = parseIdOf("command", positionals.id);
    using control = await services.connect(dir);
    const { command } = await control.commands.giveUp({
      commandId: id,
      requestedBy: userOf(terminal),
    });
    await output.either(
      commandJson(answered(command, `give up command ${id}`)),
      `${id}: given up; if it has begun, that does not end it`,
    );
    return ExitCode.ok;
  },
});
