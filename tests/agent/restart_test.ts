import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { AgentCore } from "../../lib/agent/core.ts";
import { openJournal } from "../../lib/agent/journal/disk_journal.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { countingRandom } from "../support/counting_random.ts";
import { FakeWorkers } from "../support/fake_workers.ts";
import { NO_AUDIT } from "../support/heard_audit.ts";
import { MemoryDisk } from "../support/memory_disk.ts";
import { MemoryManager } from "../support/memory_manager.ts";
import type { Transport } from "../../lib/wire/transport.ts";

/** Time that a service manager takes to start an agent again, in milliseconds. */
const START_MS = 500;

/** An agent that a service manager starts again, and its Manager, both in memory. */
class RestartingSite implements AsyncDisposable {
  /** Ids of the commands whose work was begun, in order. */
  readonly begun: bigint[] = [];
  /** Causes of restarts. */
  readonly restarts: string[] = [];
  agent!: AgentCore;
  workers = new FakeWorkers();
  #disk = new MemoryDisk();
  #life = 0;
  readonly #random = countingRandom();
  #transports: Transport[] = [];
  #ending: Promise<void> = Promise.resolve();

  private constructor(
    readonly manager: MemoryManager,
    readonly isService: boolean,
  ) {}

  static async start({ isService = true } = {}): Promise<RestartingSite> {
    const manager = await MemoryManager.start();
    await manager.knows("web-1");
    const site = new RestartingSite(manager, isService);
    await site.#start();
    return site;
  }

  /** Asks for a restart by a command, and returns its id. */
  async asked(params: Record<string, unknown> = {}): Promise<bigint> {
    const { id } = await this.manager.run("web-1", {
      operation: "agent.Restart",
      params: JSON.stringify(params),
    });
    return id;
  }

  /** Starts a command, and returns its id. */
  async run(): Promise<bigint> {
    return (await this.manager.run("web-1")).id;
  }

  /** Starts a command as soon as the Manager has the agent, and returns its id. */
  async runSoon(): Promise<bigint> {
    for (;;) {
      const id = await this.run().catch(() => undefined);
      if (id !== undefined) return id;
      await this.advance(10);
    }
  }

  async advance(ms: number): Promise<void> {
    await this.manager.clock.advance(ms);
  }

  /** Ends the work that was begun and has not ended, as programs would. */
  endWork(): void {
    for (const job of this.workers.jobs.splice(0)) job.ends();
  }

  /** State of a command, as the Manager has it. */
  async state(id: bigint): Promise<string> {
    const command = await this.manager.store.command(id);
    return command?.state ?? "unknown";
  }

  /** Kills the agent. Its service manager starts it again. */
  kill(): void {
    const life = ++this.#life;
    this.#disk.crash();
    for (const transport of this.#transports.splice(0)) transport.close();
    this.#disk = this.#disk.afterCrash("kill");
    this.manager.clock.timer(START_MS, () => void this.#start(life));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life++;
    await this.#ending;
    for (const transport of this.#transports) transport.close();
    await this.manager.clock.settle();
    await this.manager[Symbol.asyncDispose]();
  }

  async #start(life = this.#life): Promise<void> {
    const { manager: { clock } } = this;
    this.workers = new FakeWorkers();
    const { workers, begun } = this;
    const agent = new AgentCore({
      identity: { name: "web-1", secret: "secret of web-1", facts: {} },
      audit: NO_AUDIT,
      journal: await openJournal({
        disk: this.#disk,
        random: this.#random,
        machineId: "machine",
        bootId: "boot",
      }),
      workers: {
        start(item, sink) {
          begun.push(item.commandId);
          return workers.start(item, sink);
        },
        close: () => workers.close(),
      },
      clock,
      random: this.#random,
      dial: () => this.#dial(life),
      endSurvivors: () => Promise.resolve({ signalled: 0, alive: [] }),
      onRestart: this.isService
        ? (cause) => this.#restart(agent, life, cause)
        : undefined,
    });
    this.agent = agent;
    await agent.start();
  }

  #dial(life: number): Promise<Transport> {
    if (life !== this.#life) return new Promise(() => {});
    const transport = this.manager.connect();
    this.#transports.push(transport);
    return Promise.resolve(transport);
  }

  #restart(agent: AgentCore, life: number, cause: string): void {
    if (life !== this.#life) return;
    this.restarts.push(cause);
    this.#ending = agent.stop().then(() => {
      if (life !== this.#life) return;
      this.manager.clock.timer(START_MS, () => void this.#start());
    });
  }
}

Deno.test("a command restarts the agent only after its own result has arrived", async () => {
  await using site = await RestartingSite.start();
  await site.advance(1_000);
  const id = await site.asked();
  await site.advance(5_000);
  assertEquals(await site.state(id), "succeeded");
  assertEquals(site.restarts, [`command ${id}`]);
  const next = await site.run();
  await site.advance(5_000);
  site.endWork();
  await site.advance(1_000);
  assertEquals(await site.state(next), "succeeded");
});

Deno.test("a restart when idle waits for commands, also for those that come meanwhile", async () => {
  await using site = await RestartingSite.start();
  await site.advance(1_000);
  const first = await site.run();
  await site.advance(1_000);
  site.agent.restartWhenIdle("SIGUSR1");
  await site.advance(60_000);
  const second = await site.run();
  await site.advance(60_000);
  assertEquals(site.restarts, []);
  site.endWork();
  await site.advance(1_000);
  assertEquals(site.restarts, ["SIGUSR1"]);
  assertEquals(
    [await site.state(first), await site.state(second)],
    ["succeeded", "succeeded"],
  );
});

Deno.test("a restart when idle is given up at the end of its time", async () => {
  await using site = await RestartingSite.start();
  await site.advance(1_000);
  await site.run();
  await site.asked({ withinMs: 30_000 });
  await site.advance(40_000);
  site.endWork();
  await site.advance(10_000);
  assertEquals(site.restarts, []);
});

Deno.test("a restart that does not wait ends the commands that run, after its own result", async () => {
  await using site = await RestartingSite.start();
  await site.advance(1_000);
  const running = await site.run();
  await site.advance(1_000);
  const id = await site.asked({ when: "now" });
  await site.advance(1_000);
  assertEquals(site.restarts, [`command ${id}`]);
  assertEquals(site.workers.newest.asked, ["stop"]);
  site.endWork();
  await site.advance(10_000);
  assertEquals(await site.state(id), "succeeded");
  assertEquals(await site.state(running), "failed");
});

Deno.test("an agent that nobody would start again does not restart, and says so", async () => {
  await using site = await RestartingSite.start({ isService: false });
  await site.advance(1_000);
  const id = await site.asked();
  await site.advance(1_000);
  assertEquals(
    await site.state(id),
    "failed",
  );
  await assertRejects(
    () => Promise.resolve().then(() => site.agent.restartWhenIdle("SIGUSR1")),
    PiriError,
    "Cannot restart: no service manager has started this agent",
  );
});

Deno.test("commands around a restart are neither lost nor begun twice, whenever they come", async () => {
  for (let offset = 0; offset < 240; offset += 60) {
    await using site = await RestartingSite.start();
    await site.advance(1_000);
    const restart = await site.asked();
    await site.advance(offset);
    const ids = [];
    for (let count = 0; count < 5; count++) {
      ids.push(await site.runSoon());
      await site.advance(7);
    }
    for (let round = 0; round < 20; round++) {
      site.endWork();
      await site.advance(1_000);
    }
    const states = [];
    for (const id of [restart, ...ids]) states.push(await site.state(id));
    assertEquals(states, ids.concat(restart).map(() => "succeeded"));
    assertEquals(site.restarts.length, 1);
    assertEquals(site.begun, ids);
  }
});

/** Time from the request of a restart to the restart, in milliseconds. */
async function timeOfRestart(): Promise<number> {
  await using site = await RestartingSite.start();
  await site.advance(1_000);
  await site.asked();
  let ms = 0;
  for (; site.restarts.length === 0; ms++) await site.advance(1);
  return ms;
}

Deno.test("a command in the very moment of a restart is begun after it, and is not refused", async () => {
  const moment = await timeOfRestart();
  for (let offset = moment - 3; offset <= moment; offset++) {
    await using site = await RestartingSite.start();
    await site.advance(1_000);
    await site.asked();
    await site.advance(offset);
    const started = site.run().catch(() => undefined);
    for (let round = 0; round < 10; round++) {
      await site.advance(round === 0 ? 1 : 1_000);
      site.endWork();
    }
    const id = await started ?? await site.runSoon();
    await site.advance(1_000);
    site.endWork();
    await site.advance(1_000);
    assertEquals([await site.state(id), site.begun], ["succeeded", [id]]);
  }
});

Deno.test("an agent that is killed at its restart tells one end of each command", async () => {
  for (let offset = 0; offset < 300; offset += 50) {
    await using site = await RestartingSite.start();
    await site.advance(1_000);
    const ids = [await site.asked()];
    await site.advance(offset);
    ids.push(await site.runSoon());
    site.kill();
    for (let round = 0; round < 30; round++) {
      site.endWork();
      await site.advance(1_000);
    }
    for (const id of ids) {
      assertMatch(await site.state(id), /^(succeeded|lost|refused)$/);
    }
    assertEquals(new Set(site.begun).size, site.begun.length);
  }
});
