import { defineSubcommand } from "./command.ts";
import { ExitCode } from "./exit_code.ts";

/** Services of a program that has a guard. */
export interface WithGuard {
  /** Looks whether the service has to go back to the version before, and returns a line for the log; it may be empty. */
  guard(
    options: {
      readonly dir: string;
      /** Part of it, where one process may not do all. */
      readonly part: "state" | "link" | "all" | "watch";
    },
  ): Promise<string>;
}

/** `service guard`: looks before each start whether the service has to go back to the version before. */
export const guard = defineSubcommand({
  name: "guard",
  summary: "go back to the version before if a trial has failed",
  isInternal: true,
  positionals: {},
  flags: {
    part: {
      type: "choice",
      choices: ["state", "link", "all", "watch"],
      summary:
        "what to do: decide, change the link, both, or both at each start until the trial is over",
    },
  },
  examples: [""],
  async execute({ flags, stateDir: dir, output }, services: WithGuard) {
    const { part = "all" } = flags;
    const line = await services.guard({ dir, part });
    if (line !== "") await output.note(line);
    return ExitCode.ok;
  },
});
