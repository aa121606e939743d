import { join } from "@std/path";
import { connectControl } from "../lib/api/client.ts";
import { sleep, systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import { findBase } from "../scripts/build/base.ts";
import { ROOT } from "../scripts/build/build.ts";
import { compile } from "../scripts/build/compile.ts";
import { run } from "../scripts/build/run.ts";
import { hostTarget } from "../scripts/build/target.ts";
import { Daemon } from "../scripts/local/daemon.ts";
import { compiled } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { until } from "../scripts/local/until.ts";
import { LocalManager } from "./local_manager.ts";
import { rssOf } from "./memory.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { processorUseOf } from "./processor.ts";
import { RawPair } from "./raw_pair.ts";
import { runOn, watchAll } from "./run_on.ts";
import { median } from "./samples.ts";

const NAME = "idle-1";

/** Time after which a connected program counts as idle, in milliseconds. */
const SETTLE_MS = 1_500;

/** Time over which the processor use of an idle agent is measured, in milliseconds. It includes a ping. */
const IDLE_MS = 15_000;

/** Memory of an agent that waits for its first command. */
export const agentMemory: Pair = {
  name: "agent",
  unit: "MB",
  goal: { most: 1.2 },
  ours: "memory of an idle compiled agent before its first command",
  beside: "memory of a compiled program that only holds one TLS connection",
  async open(): Promise<OpenPair | LeftOut> {
    const programs = await compiled();
    if (programs === undefined) {
      return { leftOut: "there are no executables: deno task build" };
    }
    if (Deno.build.os === "windows") {
      return { leftOut: "memory of processes cannot be read here" };
    }
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    const holder = await compiledHolder(folder.at("holder"));
    const manager = undo.use(await LocalManager.start(programs));
    const agentDir = folder.at("agent");
    const { token } = await manager.control.agents.addAgent({ id: NAME });
    await run([...programs.agent, "join", token, "--dir", agentDir]);
    const raw = undo.use(
      await RawPair.start(manager.dir, { sent: 1, returned: 1 }),
    );
    const opened = undo.move();
    const seen: Seen[] = [];
    const held: number[] = [];
    return {
      async ours() {
        const argv = [...programs.agent, "run", "--dir", agentDir];
        const began = systemClock.monotonic();
        await using agent = new Daemon("piri-agent run", { argv });
        await connected(manager.dir);
        const startMs = systemClock.monotonic() - began;
        const memory = await settledMemory(agent);
        // Measured once, since nothing is compared with it.
        const cpuShare = seen.length > 0 ? undefined : await idleShare(agent);
        await watchAll(manager.control, await runOn(manager.control, [NAME]));
        const afterOne = await settledMemory(agent);
        seen.push({ startMs, cpuShare, afterOne });
        return memory;
      },
      async beside() {
        const { caFile, serverName, port } = raw;
        const argv = [holder, String(port), serverName, caFile];
        await using program = new Daemon("the holder of one connection", {
          argv,
        });
        await program.line();
        const memory = await settledMemory(program);
        held.push(memory);
        return memory;
      },
      notes: () => notesOf(seen, held),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

/** Other measurements of an agent. */
interface Seen {
  /** Time from its start until it is connected, in milliseconds. */
  readonly startMs: number;
  /** Part of a core that it uses while idle, or undefined where the system does not tell. */
  readonly cpuShare: number | undefined;
  /** Memory after its first command, in megabytes. */
  readonly afterOne: number;
}

function notesOf(seen: readonly Seen[], held: readonly number[]): string[] {
  const afterOne = median(seen.map(({ afterOne }) => afterOne));
  const shares = seen.flatMap(({ cpuShare }) => cpuShare ?? []);
  return [
    `after its first command: ${afterOne.toFixed(1)} MB, ${
      (afterOne / median(held)).toFixed(2)
    } of what it is beside (goal <= 1.4)`,
    `processor while idle: ${(median(shares) * 100).toFixed(2)} % of a core`,
    `from its start until it is connected: ${
      median(seen.map(({ startMs }) => startMs)).toFixed(0)
    } ms`,
  ];
}

async function idleShare({ pid }: Daemon): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const before = await processorUseOf(pid);
  await sleep(systemClock, IDLE_MS);
  return ((await processorUseOf(pid)).cpuMs - before.cpuMs) / IDLE_MS;
}

async function connected(dir: string): Promise<void> {
  using control = await connectControl(dir);
  await until("the agent is connected", async () => {
    const { agents } = await control.agents.listAgents({});
    return agents.every(({ connected }) => connected);
  });
}

async function settledMemory({ pid, name }: Daemon): Promise<number> {
  await sleep(systemClock, SETTLE_MS);
  const bytes = await rssOf(pid);
  if (bytes !== undefined) return bytes / 1e6;
  throw new PiriError("UNSUPPORTED", `Cannot measure the memory of ${name}`);
}

/** Compiles the program as the agent is compiled: same runtime base, same flags. */
async function compiledHolder(output: string): Promise<string> {
  const target = hostTarget();
  await compile({
    name: "hold-tls",
    entry: "bench/hold_tls.ts",
    workers: [],
    permissions: ["--allow-all"],
  }, {
    bundle: { main: join(ROOT, "bench/hold_tls.ts"), workers: [] },
    base: await findBase("auto", target, join(ROOT, ".cache")),
    target,
    output,
  });
  return output;
}
