import { PiriError } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { answered } from "./ids.ts";
import { RERUN_FLAGS, scopeOf } from "./job.ts";
import { launchJob, WHILE_A_JOB_RUNS } from "./job/launch_job.ts";
import { checkNoFiles, checkViewFlags, VIEW_FLAGS } from "./job/view_flags.ts";
import { timesOf } from "./job/views.ts";
import { ANY_ID, commandIdOf, parseAnyId } from "./job_ids.ts";
import { launch } from "./launch.ts";
import type { ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";
import { typedTargets, withPlaces } from "./target_flags.ts";

/** `rerun 12`: repeats an ended command as a new one, or an ended job as a new job. */
export const rerun = defineSubcommand({
  name: "rerun",
  summary: "run an ended command or job again, as a new one",
  positionals: { id: { type: "one", summary: ANY_ID } },
  flags: { ...RERUN_FLAGS, ...VIEW_FLAGS },
  more: [WHILE_A_JOB_RUNS],
  examples: ["12", "12 --detach", "j-17 --failed", "j-17/web-1"],
  async execute(invocation, services: ManagerServices) {
    const { positionals, flags, fromSettings, dir, terminal } = invocation;
    const typed = parseAnyId(positionals.id);
    const connect = () => services.connect(dir);
    const scope = scopeOf(flags);
    if (typed.kind === "job") {
      const request = {
        jobId: typed.id,
        scope,
        on: [...flags.on],
        skipDenied: flags["skip-denied"],
        ...signatureOf(terminal),
      };
      const on = typedTargets(flags.on, "--on");
      return await launchJob({
        start: (control, { signal }) =>
          control.jobs.rerunJob(request, { signal }),
        explain: (answer) => withPlaces(answer, on),
      }, { ...invocation, connect });
    }
    checkViewFlags(flags, invocation);
    checkNoFiles(flags, "a command");
    const isTyped = (["failed", "lost", "unreachable", "skip-denied"] as const)
      .some((name) => flags[name] && !fromSettings.has(name));
    if (isTyped || flags.on.length > 0 && !fromSettings.has("on")) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot choose agents of ${positionals.id}: it is one command`,
      );
    }
    const commandId = await (async () => {
      if (typed.kind === "command") return typed.id;
      using control = await connect();
      return await commandIdOf(typed, {
        control,
        attempt: "run again",
        next: `piri-manager rerun j-${typed.id} --on ${typed.agent}`,
      });
    })();
    const request = { commandId, ...signatureOf(terminal) };
    return await launch({
      start: async (control, { signal }) => {
        const { command } = await control.commands.rerun(request, { signal });
        return answered(command, `run command ${commandId} again`);
      },
      times: timesOf(flags),
    }, { ...invocation, connect });
  },
});
