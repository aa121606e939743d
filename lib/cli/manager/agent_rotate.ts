import { COLOUR_FLAG } from "../colour.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { oneLine } from "../text.ts";
import { exitCodeOfCommand } from "./states.ts";
import { launchJob } from "./job/launch_job.ts";
import { DEFAULT_VIEW } from "./job/view_flags.ts";
import type { ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";
import {
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
  withTargetHint,
} from "./target_flags.ts";

/** `agent rotate`: lets agents make new keys. */
export const rotate = defineSubcommand({
  name: "rotate",
  summary: "let agents make new keys, and refuse the old ones",
  positionals: {
    target: { type: "any", summary: "names or target expressions" },
  },
  flags: {
    detach: {
      type: "boolean",
      summary: "print the id of the job and do not wait",
    },
    color: COLOUR_FLAG,
    ...TARGET_FLAGS,
  },
  examples: ["web-1", "'@web ! web-3'"],
  more: [TARGET_HELP],
  async execute(invocation, services: ManagerServices) {
    const { positionals, flags, dir, json, output, terminal } = invocation;
    const { color, detach } = flags;
    // One id for all attempts to send the request, so that it starts nothing twice.
    const request = {
      targets: await selectionOf(positionals.target, flags, invocation),
      operation: "agent.Rotate",
      params: "{}",
      ...signatureOf(terminal),
    };
    let ended: readonly Command[] = [];
    const code = await launchJob({
      start: (control, { signal }) =>
        control.jobs.startJob(request, { signal }),
      explain: (answer) => withTargetHint(answer, request.targets),
      exitCodeOf: (commands) => {
        ended = commands;
        return Math.max(...commands.map(exitCodeOfCommand));
      },
    }, {
      ...invocation,
      connect: () => services.connect(dir),
      flags: { ...DEFAULT_VIEW, color, detach },
    });
    for (const { agent, reason } of ended) {
      if (code === ExitCode.ok && !json) {
        await output.line(oneLine(`${agent}: ${reason}`));
      }
    }
    return code;
  },
});
