import { defineSubcommand, type Subcommand } from "./command.ts";
import { completionScript, SHELLS } from "./completion/scripts.ts";
import { ExitCode } from "./exit_code.ts";

/** `completion bash`: prints the script that makes a shell complete the command lines of a program. */
export function completionSubcommand<Services>(
  program: string,
): Subcommand<Services> {
  return defineSubcommand({
    name: "completion",
    summary: "print the completion script for a shell",
    positionals: {
      shell: {
        type: "one",
        summary: `the shell: ${SHELLS.join(", ")}`,
        choices: SHELLS,
      },
    },
    flags: {},
    examples: [
      "bash > /etc/bash_completion.d/" + program,
      `zsh > ~/.zsh/completions/_${program}`,
      `fish > ~/.config/fish/completions/${program}.fish`,
    ],
    async execute({ positionals, terminal }) {
      const shell = SHELLS.find((each) => each === positionals.shell) ?? "bash";
      await terminal.stdout.write(completionScript(shell, program));
      return ExitCode.ok;
    },
  });
}
