import {
  type Command,
  type CommandState,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { start, type Started } from "./start.ts";

/** A command that runs on web-1. */
export const ONE = command();
/** A command that runs on web-2. */
export const TWO = command({ id: 13n, agent: "web-2" });

/** Command lines that start commands and follow them, with the commands. */
export const FOLLOWING: readonly [args: string[], commands: Command[]][] = [
  [["run", "web-1", "--", "x"], [ONE]],
  [["rerun", "9"], [ONE]],
];

/** Command lines that start jobs of several agents and follow them. */
export const FOLLOWING_MANY: readonly string[][] = [
  ["run", "web-1", "web-2", "--", "x"],
  ["run", "web-*", "--", "x"],
  ["run", "@web", "--stream", "--", "x"],
];

/** Command lines that leave their commands alone. */
export const WATCHING: readonly [args: string[], commands: Command[]][] = [
  [["watch", "12"], [ONE]],
  [["watch", "12", "13"], [ONE, TWO]],
];

/** Starts a command line whose commands run. */
export async function following(
  args: readonly string[],
  commands: readonly Command[],
): Promise<Started> {
  const manager = new FakeManager();
  manager.commands = [...commands];
  const started = await start(args, { manager });
  for (const one of commands) manager.watch.state(one);
  await started.terminal.clock.settle();
  return started;
}

/** Lets all commands end so. */
export function end({ manager }: Started, state: CommandState): void {
  for (const one of manager.commands) {
    manager.watch.state({ ...one, state, signal: "SIGTERM" });
  }
  manager.watch.end();
}

/** Ids of commands as messages name them. */
export function idsText(commands: readonly Command[]): string {
  const ids = commands.map(({ id }) => id).join(" ");
  return commands.length === 1 ? `command ${ids}` : `commands ${ids}`;
}
