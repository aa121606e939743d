import { PiriError } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { answered, unconfirmedText } from "./ids.ts";
import { jobJson } from "./job/job_json.ts";
import { ANY_ID, commandIdOf, parseAnyId } from "./job_ids.ts";
import { commandJson } from "./json.ts";
import type { ManagerServices } from "./services.ts";
import { stateName } from "./states.ts";
import { userOf } from "./signature.ts";

/** Grace that waits for nothing, in milliseconds. */
const NOW_MS = 1;

/** `cancel 12`: requests the end of a command and does not wait for it. */
export const cancel = defineSubcommand({
  name: "cancel",
  summary: "request the end of a command or job and do not wait for it",
  positionals: { id: { type: "one", summary: ANY_ID } },
  flags: {
    grace: {
      type: "duration",
      value: "TIME",
      summary: "time between SIGTERM and SIGKILL (default: 5s)",
    },
    now: {
      type: "boolean",
      apart: ["grace"],
      summary: "end it by SIGKILL at once, also while it installs packages",
    },
  },
  hints: {
    all: 'it takes one id; "piri-manager commands --state running" lists them',
    force: "--now ends it by SIGKILL at once",
    signal: "it sends SIGTERM, and SIGKILL after --grace TIME",
  },
  examples: ["12", "12 --grace 30s", "j-17", "j-17/web-1"],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    if (flags.now && flags.grace !== undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        "Cannot take --now and --grace: give one of them",
      );
    }
    const grace = flags.now ? NOW_MS : flags.grace;
    const typed = parseAnyId(positionals.id);
    using control = await services.connect(dir);
    if (typed.kind === "job") {
      const { job } = await control.jobs.cancelJob({
        jobId: typed.id,
        requestedBy: userOf(terminal),
        ...grace === undefined ? {} : { graceMs: grace },
      });
      await output.either(
        jobJson(answered(job, `cancel job j-${typed.id}`)),
        `j-${typed.id}: cancel requested`,
      );
      return ExitCode.ok;
    }
    const id = await commandIdOf(typed, { control, attempt: "cancel" });
    const { command: answer, unconfirmed } = await control.commands.cancel({
      commandId: id,
      requestedBy: userOf(terminal),
      ...(grace === undefined ? {} : { graceMs: grace }),
    });
    const command = answered(answer, `cancel command ${id}`);
    await output.either(
      { ...commandJson(command), unconfirmed },
      command.presumed
        ? `${id}: cancel requested; it counts as ${
          stateName(command.state)
        }, and ends if its agent still has it`
        : `${id}: cancel requested`,
    );
    if (unconfirmed) await output.note(unconfirmedText(id));
    return ExitCode.ok;
  },
});
