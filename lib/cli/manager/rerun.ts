import { defineSubcommand } from "../command.ts";
import { answered, parseId } from "./ids.ts";
import { launch, WHILE_IT_RUNS } from "./launch.ts";
import type { ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";

/** `rerun 12`: repeats an ended command as a new one. */
export const rerun = defineSubcommand({
  name: "rerun",
  summary: "run an ended command again, as a new one with the same parameters",
  positionals: { id: { type: "one", summary: "the ended command's id" } },
  flags: {
    detach: {
      type: "boolean",
      summary: "print the new command's id and do not wait",
    },
    raw: {
      type: "boolean",
      summary:
        "show the bytes alone, exactly; so it is anyway where stdout is no terminal",
    },
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
