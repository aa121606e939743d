import { assertEquals } from "@std/assert";
import {
  type Command,
  CommandState,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { namesOne } from "../../../lib/cli/manager/hints.ts";
import { command, FakeManager } from "../fake_manager.ts";
import type { Surroundings } from "../fake_terminal.ts";
import { Screen, type Size } from "../screen.ts";
import { start, type Started } from "./start.ts";

export const ONE = command();
export const TWO = command({ id: 13n, agent: "web-2" });

/** A person at a terminal, without colours. */
export const TERMINAL = {
  terminals: ["stdout", "stderr"],
  env: { NO_COLOR: "1" },
} as const;

/** A person at a terminal with colours. */
export const COLOURS = { terminals: ["stdout", "stderr"] } as const;

/** A `run` that is under way. */
export interface LiveRun extends Started {
  readonly screen: Screen;
  /** Lets an agent's program print, on its stdout. */
  print(command: Command, text: string | Uint8Array<ArrayBuffer>): void;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
}

/** Starts `run` for these commands, with flags. A single agent is named unless `agent` says otherwise. */
export async function startRun(
  commands: readonly Command[],
  { agent, flags = [], size, ...surroundings }: Surroundings & {
    agent?: string;
    flags?: readonly string[];
    size?: Size;
  } = {},
): Promise<LiveRun> {
  const manager = new FakeManager();
  manager.commands = [...commands];
  const [first, ...others] = commands;
  const name = others.length > 0 ? "*" : first?.agent ?? "";
  // Of several agents, lines come as they are printed with this flag only.
  const form = namesOne([agent ?? name]) || flags.includes("--raw")
    ? []
    : ["--stream", "--quiet"];
  const started = await start(
    ["run", agent ?? name, ...form, ...flags, "--", "x"],
    { ...surroundings, manager },
  );
  for (const one of commands) manager.watch.state(one);
  await started.terminal.clock.settle();
  const offsets = new Map<bigint, bigint>();
  return {
    ...started,
    screen: new Screen(started.terminal, size),
    print({ id }, text) {
      const bytes = typeof text === "string"
        ? new TextEncoder().encode(text)
        : text;
      const offset = offsets.get(id) ?? 0n;
      offsets.set(id, offset + BigInt(bytes.length));
      manager.watch.output(id, bytes, { offset });
    },
    pass: (ms) => started.terminal.clock.advance(ms),
  };
}

/** Lets all commands succeed, and waits for the end. */
export async function finish(
  { manager, terminal, code }: Started,
): Promise<void> {
  for (const one of manager.commands) {
    manager.watch.state({ ...one, state: CommandState.SUCCEEDED });
  }
  manager.watch.end();
  await terminal.clock.settle();
  assertEquals(await code, 0);
}
