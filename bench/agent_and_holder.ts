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
import { compiled, type Programs } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { until } from "../scripts/local/until.ts";
import { LocalManager } from "./local_manager.ts";
import { rssOf } from "./memory.ts";
import type { LeftOut } from "./pair.ts";
import { RawPair } from "./raw_pair.ts";
import { NOT_COMPILED } from "./real_fleet.ts";

/** Name of the only agent. */
export const NAME = "idle-1";

/** Time after which a connected program counts as idle, in milliseconds. */
const SETTLE_MS = 1_500;

/** A compiled agent, and beside it a compiled program that only holds one TLS connection. Both start anew each time. */
export class AgentAndHolder implements AsyncDisposable {
  private constructor(
    readonly manager: LocalManager,
    readonly programs: Programs,
    readonly agentDir: string,
    readonly holder: string,
    readonly raw: RawPair,
    readonly undo: AsyncDisposableStack,
  ) {}

  static async prepare(): Promise<AgentAndHolder | LeftOut> {
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
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
    return new AgentAndHolder(
      manager,
      programs,
      agentDir,
      holder,
      raw,
      undo.move(),
    );
  }

  /** Starts the agent, and resolves once it is connected. */
  async startAgent(): Promise<Daemon> {
    const { programs, agentDir, manager } = this;
    await using undo = new AsyncDisposableStack();
    const argv = [...programs.agent, "run", "--dir", agentDir];
    const agent = undo.use(new Daemon("piri-agent run", { argv }));
    await connected(manager.dir);
    undo.move();
    return agent;
  }

  /** Memory of the program with one connection, in megabytes. */
  async heldMemory(): Promise<number> {
    const { caFile, serverName, port } = this.raw;
    const argv = [this.holder, String(port), serverName, caFile];
    await using program = new Daemon("the holder of one connection", { argv });
    await program.line();
    return await settledMemory(program);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }
}

/** Memory of a program that has come to rest, in megabytes. */
export async function settledMemory(program: Daemon): Promise<number> {
  await sleep(systemClock, SETTLE_MS);
  return await memoryOf(program);
}

/** Memory of a program, in megabytes. */
export async function memoryOf({ pid, name }: Daemon): Promise<number> {
  const bytes = await rssOf(pid);
  if (bytes !== undefined) return bytes / 1e6;
  throw new PiriError("UNSUPPORTED", `Cannot measure the memory of ${name}`);
}

async function connected(dir: string): Promise<void> {
  using control = await connectControl(dir);
  await until("the agent is connected", async () => {
    const { agents } = await control.agents.listAgents({});
    return agents.every(({ connected }) => connected);
  });
}

/** Compiles the program as the agent is compiled: same runtime base, same flags. */
async function compiledHolder(output: string): Promise<string> {
  const target = hostTarget();
  await compile({
    name: "hold-tls",
    entry: "bench/hold_tls.ts",
    workers: [],
    flags: ["--allow-all"],
  }, {
    bundle: { main: join(ROOT, "bench/hold_tls.ts"), workers: [] },
    base: await findBase("auto", target, join(ROOT, ".cache")),
    target,
    output,
  });
  return output;
}
