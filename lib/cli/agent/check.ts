import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { NobodyReads } from "../terminal.ts";
import { oneLine } from "../text.ts";
import type { AgentServices, CheckStep } from "./services.ts";

/** Exit code for each step, if it fails. */
const EXIT_CODES: Readonly<Record<CheckStep["step"], ExitCode>> = {
  config: ExitCode.failed,
  name: ExitCode.unavailable,
  address: ExitCode.unavailable,
  tls: ExitCode.unavailable,
  clock: ExitCode.failed,
  identity: ExitCode.refused,
};

/** `check`: tests the way from this agent to its Manager, step by step. */
export const check = defineSubcommand({
  name: "check",
  summary: "test the way to the Manager step by step, and say what fails",
  positionals: {},
  flags: {},
  more: [{
    title: "Exit code of the first step that fails",
    lines: Object.entries(EXIT_CODES)
      .map(([step, code]) => [step, String(code)]),
  }],
  examples: ["", "--json"],
  async execute({ dir, output }, services: AgentServices) {
    let exitCode: ExitCode = ExitCode.ok;
    for await (const { step, ok, detail } of services.check({ dir })) {
      await output.either(
        { step, ok, detail },
        `${ok ? "ok    " : "FAILED"}  ${step.padEnd(8)}  ${oneLine(detail)}`,
      ).catch(unlessNobodyReads);
      if (!ok && exitCode === ExitCode.ok) exitCode = EXIT_CODES[step];
    }
    return exitCode;
  },
});

/** Goes on when the reader of the steps has gone: the exit code tells what counts. */
function unlessNobodyReads(error: unknown): void {
  if (!(error instanceof NobodyReads)) throw error;
}
