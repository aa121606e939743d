import {
  type Command,
  CommandState,
  EntryState,
  type JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, entryOf, FakeManager } from "../../fake_manager.ts";
import type { Surroundings } from "../../fake_terminal.ts";
import { start, type Started } from "../start.ts";
import { without } from "./entries.ts";

/** End of an agent's command: its state, exit code and output. */
export interface End {
  readonly agent: string;
  readonly state?: CommandState;
  readonly exitCode?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** A job of several agents that is under way. */
export interface ManyRun extends Started {
  readonly commands: readonly Command[];
  /** Lets the command of an agent end. */
  end(agent: string): Promise<void>;
  /** Lets all commands end, and the job with them. */
  finish(): Promise<void>;
}

/** Starts `run` on agents that will end so; `away` are agents that are not connected. */
export async function startMany(
  ends: readonly End[],
  { away = [], flags = [], targets = ["web-*"], ...surroundings }:
    & Surroundings
    & {
      away?: readonly string[];
      flags?: readonly string[];
      targets?: readonly string[];
    } = {},
): Promise<ManyRun> {
  const manager = new FakeManager();
  const commands = ends.map(({ agent }, index) =>
    command({ id: BigInt(101 + index), agent })
  );
  manager.commands = commands;
  manager.entries = entriesOf(commands, away);
  ends.forEach(({ stdout = "", stderr = "" }, index) =>
    manager.outputs.set(BigInt(101 + index), [stdout, stderr])
  );
  const started = await start(
    ["run", ...targets, ...flags, "--", "x"],
    { ...surroundings, manager },
  );
  const ended = new Set<string>();
  const tell = (agent: string) => {
    const index = ends.findIndex((end) => end.agent === agent);
    const { state = CommandState.SUCCEEDED, exitCode = 0 } = ends[index] ?? {};
    ended.add(agent);
    manager.watch.state(command({
      id: BigInt(101 + index),
      agent,
      state,
      exitCode,
    }));
  };
  return {
    ...started,
    commands,
    async end(agent) {
      tell(agent);
      await started.terminal.clock.settle();
    },
    async finish() {
      for (const { agent } of ends) if (!ended.has(agent)) tell(agent);
      manager.watch.end();
      await started.terminal.clock.settle();
    },
  };
}

/** Runs a job to its end. */
export async function seeMany(
  ...given: Parameters<typeof startMany>
): Promise<
  ManyRun & { readonly exit: number; stdout: string; stderr: string }
> {
  const run = await startMany(...given);
  await run.finish();
  return {
    ...run,
    exit: await run.code,
    stdout: run.terminal.stdout.text,
    stderr: run.terminal.stderr.text,
  };
}

function entriesOf(
  commands: readonly Command[],
  away: readonly string[],
): JobEntry[] {
  return [
    ...commands.map((one, position) => entryOf(one, position)),
    ...away.map((agent, index) => ({
      ...without(agent, EntryState.UNREACHABLE, "it is not connected"),
      position: commands.length + index,
    })),
  ];
}
