import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand } from "../command.ts";
import { answered, parseId } from "./ids.ts";
import { launch, WHILE_IT_RUNS } from "./launch.ts";
import type { ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";

/** `rerun 12`: repeats an ended command as a new one. */
export const rerun = defineSubcommand({
  name: "rerun",
  summary: "run an ended command again, as a new command",
  positionals: { id: { type: "one", summary: "id of the ended command" } },
  flags: {
    detach: {
      type: "boolean",
      summary: "print the id of the new command and do not wait",
    },
    raw: {
      type: "boolean",
      summary:
        "print the exact bytes of the program (default if stdout is no terminal)",
    },
    color: COLOUR_FLAG,
  },
  more: [WHILE_IT_RUNS],
  examples: ["12", "12 --detach"],
  async execute(invocation, services: ManagerServices) {
    const { positionals, dir, terminal } = invocation;
    const commandId = parseId(positionals.id);
    const request = { commandId, ...signatureOf(terminal) };
    return await launch({
      start: async (control, { signal }) => {
        const { command } = await control.commands.rerun(request, { signal });
        return [answered(command, `run command ${commandId} again`)];
      },
    }, { ...invocation, connect: () => services.connect(dir) });
  },
});
