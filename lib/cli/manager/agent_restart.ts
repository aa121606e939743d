import { PiriError } from "../../base/errors.ts";
import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { exitCodeOfCommand } from "./states.ts";
import { launchJob, SKIP_DENIED } from "./job/launch_job.ts";
import { LIMIT_FLAGS, limitsOf } from "./job/limit_flags.ts";
import { DEFAULT_VIEW } from "./job/view_flags.ts";
import type { ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";
import {
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
  withTargetHint,
} from "./target_flags.ts";

/** `agent restart`: lets agents restart. */
export const restart = defineSubcommand({
  name: "restart",
  summary: "let agents restart once they run no command",
  positionals: {
    target: { type: "any", summary: "names or target expressions" },
  },
  flags: {
    "when-idle": {
      type: "duration",
      value: "TIME",
      summary:
        "do not restart an agent that runs commands for so long; by default it restarts as soon as it runs none",
    },
    now: {
      type: "boolean",
      apart: ["when-idle"],
      summary: "end the commands that run",
    },
    detach: {
      type: "boolean",
      summary: "print the id of the job and do not wait",
    },
    "skip-denied": { type: "boolean", summary: SKIP_DENIED },
    color: COLOUR_FLAG,
    ...LIMIT_FLAGS,
    ...TARGET_FLAGS,
  },
  examples: ["web-1", "all --batch 10% --when-idle 30m"],
  more: [TARGET_HELP],
  async execute(invocation, services: ManagerServices) {
    const { positionals, flags, dir, terminal } = invocation;
    const { color, detach, now } = flags;
    if (now && flags["when-idle"] !== undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        'Cannot use "--now" with "--when-idle": it does not wait',
      );
    }
    // One id for all attempts to send the request, so that it starts nothing twice.
    const request = {
      targets: await selectionOf(positionals.target, flags, invocation),
      operation: "agent.Restart",
      params: JSON.stringify({
        when: now ? "now" : "idle",
        withinMs: flags["when-idle"],
      }),
      skipDenied: flags["skip-denied"],
      limits: limitsOf(flags),
      ...signatureOf(terminal),
    };
    return await launchJob({
      start: (control, { signal }) =>
        control.jobs.startJob(request, { signal }),
      explain: (answer) => withTargetHint(answer, request.targets),
      exitCodeOf: (commands) =>
        Math.max(ExitCode.ok, ...commands.map(exitCodeOfCommand)),
    }, {
      ...invocation,
      connect: () => services.connect(dir),
      flags: { ...DEFAULT_VIEW, color, detach },
    });
  },
});
