import { main } from "../../../lib/cli/main.ts";
import { managerProgram } from "../../../lib/cli/manager/program.ts";
import type { Program } from "../../../lib/cli/command.ts";
import type { ManagerServices } from "../../../lib/cli/manager/services.ts";
import { FakeManager } from "../fake_manager.ts";
import { FakeTerminal, type Surroundings } from "../fake_terminal.ts";

/** Build that the tests pass to the program. */
export const BUILD = {
  version: "1.2.3",
  commit: "abc1234",
  protocol: 2,
  runtime: "deno 2.7.11",
};

/** The manager's command line over these services. */
export function programOf(
  services: ManagerServices,
): Program<ManagerServices> {
  return managerProgram({
    build: BUILD,
    defaultDir: () => "/var/lib/piri-manager",
    services,
  });
}

/** A running subcommand. */
export interface Started {
  readonly manager: FakeManager;
  readonly terminal: FakeTerminal;
  /** Exit code, once it has ended. */
  readonly code: Promise<number>;
}

/** Starts a subcommand as a user does, and runs it until it waits. */
export async function start(
  args: readonly string[],
  { manager = new FakeManager(), ...surroundings }:
    & Surroundings
    & { manager?: FakeManager } = {},
): Promise<Started> {
  const terminal = new FakeTerminal(surroundings);
  const code = main(programOf(manager), args, terminal);
  await terminal.clock.settle();
  return { manager, terminal, code };
}

/** Exit code and output of a subcommand that ends by itself. */
export interface Seen {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly manager: FakeManager;
  readonly terminal: FakeTerminal;
}

/** Runs a subcommand to its end. */
export async function see(
  args: readonly string[],
  options: Surroundings & { manager?: FakeManager } = {},
): Promise<Seen> {
  const { manager, terminal, code } = await start(args, options);
  return {
    code: await code,
    stdout: terminal.stdout.text,
    stderr: terminal.stderr.text,
    manager,
    terminal,
  };
}

/** Values of JSON Lines. Throws if a line is not JSON. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text.split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
