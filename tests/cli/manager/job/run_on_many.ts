/**
 * Shows a job of 200 agents at a real terminal, for tests in tmux: `run_on_many.ts [milliseconds] [flags]`. Two agents
 * are away, one fails, and two print something else than the others. Nothing is run: the Manager is a fake.
 */
import {
  CommandState,
  EntryState,
  JobEntrySchema,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { create } from "@bufbuild/protobuf";
import { main } from "../../../../lib/cli/main.ts";
import { systemTerminal } from "../../../../lib/cli/terminal.ts";
import { command, FakeManager } from "../../fake_manager.ts";
import { programOf } from "../start.ts";

/** Agents that run at the same time. */
const WINDOW = 20;

const [pause = "40", ...flags] = Deno.args;
const manager = new FakeManager();
const now = BigInt(Date.now());
const names = Array.from(
  { length: 200 },
  (_, index) => `web-${String(index + 1).padStart(3, "0")}`,
);
const away = new Set(["web-044", "web-187"]);
const commands = names.map((agent, index) =>
  command({ id: BigInt(1_000 + index), agent, state: CommandState.RUNNING })
);
manager.createdAtMs = now;
manager.commands = commands.filter(({ agent }) => !away.has(agent));
manager.entries = commands.map((one, position) =>
  away.has(one.agent)
    ? create(JobEntrySchema, {
      position,
      agent: one.agent,
      state: EntryState.UNREACHABLE,
      reason: "it is not connected",
    })
    : create(JobEntrySchema, {
      position,
      agent: one.agent,
      state: EntryState.WAITING,
    })
);
for (const { id, agent } of commands) {
  manager.outputs.set(id, outputOf(agent));
}

const code = main(
  programOf(manager),
  ["run", "web-*", "--batch", "10%", ...flags, "--", "uname", "-r"],
  systemTerminal(),
);
feed();
Deno.exit(await code);

function outputOf(agent: string): [string, string] {
  switch (agent) {
    case "web-017":
      return ["", "uname: cannot get system name\n"];
    case "web-101":
      return ["5.15.0-91-generic\n", ""];
    case "web-163":
      return ["6.1.0-17-amd64\n", "warning: reboot required\n"];
    default:
      return ["6.1.0-18-amd64\n", ""];
  }
}

/** Starts and ends commands, a window of them at a time. */
function feed(): void {
  const connected = commands.filter(({ agent }) => !away.has(agent));
  let next = 0;
  let stopped = false;
  manager.onCancelJob = () => {
    stopped = true;
  };
  const timer = setInterval(() => {
    if (manager.watches.length === 0) return;
    const started = connected[next];
    const ended = connected[next - WINDOW];
    next++;
    if (started !== undefined && !stopped) manager.watch.state(started);
    if (ended !== undefined) {
      manager.watch.state({
        ...ended,
        state: ended.agent === "web-017"
          ? CommandState.FAILED
          : CommandState.SUCCEEDED,
        exitCode: ended.agent === "web-017" ? 1 : 0,
      });
    }
    if (stopped && ended !== undefined) {
      for (const one of connected) {
        manager.watch.state({ ...one, state: CommandState.CANCELLED });
      }
    }
    if ((stopped && ended !== undefined) || next - WINDOW > connected.length) {
      clearInterval(timer);
      manager.watch.end();
    }
  }, Number(pause));
}
