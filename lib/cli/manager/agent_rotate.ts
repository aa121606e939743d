import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand } from "../command.ts";
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
  summary: "let agents make new keys; the old ones are refused afterwards",
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
    const { positionals, flags, dir, terminal } = invocation;
    const { color, detach } = flags;
    // One id for all attempts to send the request, so that it starts nothing twice.
    const request = {
      targets: await selectionOf(positionals.target, flags, terminal),
      operation: "agent.Rotate",
      params: "{}",
      ...signatureOf(terminal),
    };
    return await launchJob({
      start: (control, { signal }) =>
        control.jobs.startJob(request, { signal }),
      explain: withTargetHint,
    }, {
      ...invocation,
      connect: () => services.connect(dir),
      flags: { ...DEFAULT_VIEW, color, detach },
    });
  },
});
