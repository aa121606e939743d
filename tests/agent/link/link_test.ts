import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { AgentIdentity } from "../../../lib/agent/link/hello.ts";
import { Link } from "../../../lib/agent/link/link.ts";
import { codeOf, PiriError } from "../../../lib/base/errors.ts";
import { memoryTransports } from "../../../lib/wire/memory_transport.ts";
import {
  Bye_Code,
  CommandState_State,
  createAgentPolicy,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { KEYLESS_FEATURES } from "../../../lib/wire/features.ts";
import { heardLog } from "../../support/heard_log.ts";
import { TWO_SIGNATURES } from "../../support/signed_work.ts";
import { MANAGER, MemoryAgent } from "../../support/memory_agent.ts";
import { parsePolicy } from "../../../lib/agent/policy/policy.ts";
import { type Init, ScriptedPeer } from "../../support/scripted_peer.ts";

const IDENTITY: AgentIdentity = {
  name: "web-1",
  secret: "secret",
  facts: { os: "linux" },
};

/** Agent that keeps dialling a Manager, which a test plays. */
class Dialling implements AsyncDisposable {
  /** Times of its dials, in seconds. */
  readonly dials: number[] = [];
  /** The Manager's end of each connection. */
  readonly managers: ScriptedPeer[] = [];
  /** Part of each window that is waited. */
  fraction = 0;
  /** Replaces dials, if set. */
  dial: ((signal: AbortSignal) => Promise<never>) | undefined;
  /** Notes about a removal that were kept on the disk. */
  readonly notes: boolean[] = [];
  /** Names that were kept on the disk. */
  readonly names: string[] = [];
  /** False if names cannot be kept. */
  canKeep = true;
  readonly link: Link;
  #running: Promise<void> | undefined;

  static async start(
    identity: AgentIdentity = IDENTITY,
    { widestWindowMs }: { widestWindowMs?: number | undefined } = {},
  ): Promise<Dialling> {
    return new Dialling(await MemoryAgent.start(), identity, widestWindowMs);
  }

  private constructor(
    readonly agent: MemoryAgent,
    identity: AgentIdentity,
    widestWindowMs: number | undefined,
  ) {
    const { journal, runner, clock, counters } = agent;
    this.link = new Link({
      identity,
      journal,
      runner,
      policy: agent.policy,
      clock,
      counters,
      widestWindowMs,
      random: {
        bytes: (length) => new Uint8Array(length),
        fraction: () => this.fraction,
      },
      dial: async (signal) => {
        this.dials.push(clock.monotonic() / 1_000);
        if (this.dial !== undefined) return await this.dial(signal);
        const [ours, theirs] = memoryTransports();
        this.managers.push(new ScriptedPeer(theirs));
        return ours;
      },
      noteRemoved: (isRemoved) => {
        if (isRemoved || this.notes.length > 0) this.notes.push(isRemoved);
        return Promise.resolve();
      },
      keepName: (name) => {
        this.names.push(name);
        return this.canKeep
          ? Promise.resolve()
          : Promise.reject(new PiriError("DISK", "Cannot write it: full"));
      },
    });
  }

  async run(): Promise<void> {
    this.#running = this.link.run();
    await this.agent.clock.settle();
  }

  /** Newest connection, after its hello was received and answered. */
  async welcomed(init: Init<"serverHello"> = {}): Promise<ScriptedPeer> {
    const manager = await this.greeted();
    await manager.says("serverHello", {
      version: 1,
      features: [...KEYLESS_FEATURES],
      managerId: MANAGER,
      ...init,
    });
    await this.agent.clock.settle();
    return manager;
  }

  /** Newest connection, after its hello was received. */
  async greeted(): Promise<ScriptedPeer> {
    const manager = this.managers.at(-1);
    if (manager === undefined) throw new Error("nobody dialled");
    await manager.hears("clientHello");
    return manager;
  }

  /** Says Bye as the Manager, and hangs up. */
  async bye(init: Init<"bye">): Promise<void> {
    await this.managers.at(-1)?.says("bye", init);
    await this.agent.clock.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.link.stop("the test is over");
    for (const manager of this.managers) manager.hangUp();
    await this.#running;
    await this.agent[Symbol.asyncDispose]();
  }
}

Deno.test("the hello says who the agent is and what it has", async () => {
  await using dialling = await Dialling.start({
    ...IDENTITY,
    joinToken: "token",
  });
  const { agent } = dialling;
  const entry = await agent.accepted({ commandId: 4n, nonce: 9n });
  await agent.workers.newest.prints("abc");
  await agent.accepted({ commandId: 1n }, "");
  await agent.accepted({ commandId: 6n, nonce: 2n });
  agent.workers.newest.ends();
  await agent.clock.settle();
  await dialling.run();
  const hello = await dialling.managers[0]?.hears("clientHello");
  assertEquals(entry.state, "running");
  assertEquals(
    {
      ...hello,
      commands: hello?.commands.map((each) => [
        each.commandId,
        each.nonce,
        each.state,
        each.stdout,
      ]),
    },
    {
      clientId: "web-1",
      auth: "secret",
      protocol: 2,
      // This runner has no means for programs that outlive their agent.
      features: KEYLESS_FEATURES.filter((feature) => feature !== "survive"),
      agentVersion: hello?.agentVersion ?? "",
      facts: { os: "linux" },
      policy: createAgentPolicy({
        mode: "all",
        edition: "full",
        unlimited: true,
      }),
      joinToken: "token",
      instance: agent.journal.instance,
      session: 1n,
      lastCommandId: 6n,
      publicKey: new Uint8Array(),
      trust: [],
      helloNonce: new Uint8Array(),
      // Commands of a legacy Manager are not listed.
      commands: [
        [4n, 9n, CommandState_State.RUNNING, 3n],
        [6n, 2n, CommandState_State.FINISHED, 0n],
      ],
    },
  );
});

Deno.test("the number of a session is durable before the dial", async () => {
  await using dialling = await Dialling.start();
  const { agent } = dialling;
  let syncs = 0;
  const synced = () =>
    agent.disk.calls.filter(({ kind }) => kind === "sync").length;
  const before = synced();
  dialling.dial = () => {
    syncs = synced() - before;
    return Promise.reject(new PiriError("UNAVAILABLE", "Cannot connect"));
  };
  await dialling.run();
  assertEquals(syncs > 0, true);
  assertEquals(await agent.journal.nextSession(), 2n);
});

Deno.test("failed dials wait a part of a window that doubles up to a minute", async () => {
  await using dialling = await Dialling.start();
  dialling.fraction = 1 - 2 ** -20;
  dialling.dial = () =>
    Promise.reject(new PiriError("UNAVAILABLE", "Cannot connect"));
  await dialling.run();
  await dialling.agent.clock.advance(600_000);
  const waits = dialling.dials.slice(1)
    .map((at, index) => Math.round(at - (dialling.dials[index] ?? 0)));
  assertEquals(waits.slice(0, 9), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

Deno.test("the window is the first one again after a minute of being ready, and not before", async () => {
  await using dialling = await Dialling.start();
  dialling.fraction = 1 - 2 ** -20;
  const { clock } = dialling.agent;
  await dialling.run();
  for (const wait of [1_000, 2_000, 4_000]) {
    (await dialling.welcomed()).hangUp();
    await clock.advance(wait);
  }
  const manager = await dialling.welcomed();
  // It is alive: it answers pings.
  for (let time = 0; time < 60_000; time += 10_000) {
    await manager.says("pong");
    await clock.advance(10_000);
  }
  manager.hangUp();
  await clock.advance(1_000);
  assertEquals(dialling.dials.length, 5);
  (await dialling.welcomed()).hangUp();
  await clock.advance(1_500);
  assertEquals(dialling.dials.length, 5);
});

/** Time of the second dial after a Bye, in seconds, at the lower and at the upper end of its window. */
async function waitAfter(bye: Init<"bye">): Promise<[number, number]> {
  const waits: number[] = [];
  for (const fraction of [0, 1 - 2 ** -30]) {
    await using dialling = await Dialling.start();
    dialling.fraction = fraction;
    await dialling.run();
    await dialling.greeted();
    const said = dialling.agent.clock.monotonic() / 1_000;
    await dialling.bye(bye);
    await dialling.agent.clock.advance(2_000_000);
    waits.push(Math.round((dialling.dials[1] ?? NaN) - said));
  }
  return [waits[0] ?? NaN, waits[1] ?? NaN];
}

Deno.test("an ordinary Bye leads to a dial within the first window", async () => {
  assertEquals(await waitAfter({ code: Bye_Code.SHUTDOWN }), [0, 1]);
});

Deno.test("a failed authentication leads to a window of 30 s", async () => {
  assertEquals(await waitAfter({ code: Bye_Code.AUTH_FAILED }), [0, 30]);
  assertEquals(await waitAfter({ reason: "auth failed" }), [0, 30]);
});

Deno.test("a replacement leads to a window of 60 s", async () => {
  assertEquals(await waitAfter({ code: Bye_Code.REPLACED }), [0, 60]);
});

Deno.test("an agent that was removed dials again after 5 to 10 minutes", async () => {
  assertEquals(await waitAfter({ code: Bye_Code.REMOVED }), [300, 600]);
  assertEquals(
    await waitAfter({ code: Bye_Code.REMOVED, retryAfterMs: 1_000 }),
    [300, 600],
  );
});

Deno.test("an agent that was removed says so in its log and in its folder, until it is admitted again", async () => {
  await using log = await heardLog();
  await using dialling = await Dialling.start();
  await dialling.run();
  await dialling.greeted();
  await dialling.bye({ code: Bye_Code.REMOVED });
  const told = log.records.filter(({ level }) => level === "error")
    .map(({ message }) => message.join(""));
  assertEquals(told, [
    'This agent was removed from the fleet: to use this host again, run "piri-manager agent add web-1" on the Manager, and stop the agent and run "piri-agent join" with the new token here',
  ]);
  assertEquals(dialling.notes, [true]);
  await dialling.agent.clock.advance(600_000);
  await dialling.welcomed();
  assertEquals(dialling.notes, [true, false]);
});

/** Waits before each of the next dials that fail, in seconds. */
async function waits(dialling: Dialling, count: number): Promise<number[]> {
  const before = dialling.dials.length;
  dialling.dial = () =>
    Promise.reject(new PiriError("UNAVAILABLE", "Cannot connect"));
  await dialling.agent.clock.advance(600_000);
  const dials = dialling.dials.slice(before - 1);
  return dials.slice(1, count + 1)
    .map((at, index) => Math.round(at - (dials[index] ?? 0)));
}

/** Waits after a connection whose Manager asked for this widest window, and with this one of the agent's own. */
async function waitsOf(
  hello: Init<"serverHello">,
  own?: number,
): Promise<number[]> {
  await using dialling = await Dialling.start(IDENTITY, {
    widestWindowMs: own,
  });
  dialling.fraction = 1 - 2 ** -20;
  await dialling.run();
  (await dialling.welcomed(hello)).hangUp();
  await dialling.agent.clock.settle();
  return await waits(dialling, 8);
}

Deno.test("the window grows as wide as the Manager's hello says", async () => {
  assertEquals(await waitsOf({ reconnectWindowMs: 5_000 }), [
    1,
    2,
    4,
    5,
    5,
    5,
    5,
    5,
  ]);
});

Deno.test("the wait of a link grows to at most a minute if the hello has no window, or an absurd one", async () => {
  const usual = [1, 2, 4, 8, 16, 32, 60, 60];
  assertEquals(await waitsOf({}), usual);
  assertEquals(await waitsOf({ reconnectWindowMs: 4_294_967_295 }), usual);
});

Deno.test("a window of the agent's own holds whatever the Manager says", async () => {
  const narrow = [1, 2, 3, 3, 3, 3, 3, 3];
  assertEquals(await waitsOf({ reconnectWindowMs: 5_000 }, 3_000), narrow);
  assertEquals(await waitsOf({}, 3_000), narrow);
  assertEquals(await waitsOf({ reconnectWindowMs: 5_000 }, 100_000), [
    1,
    2,
    4,
    8,
    16,
    32,
    64,
    100,
  ]);
});

Deno.test("a window of nothing counts as 1 s", async () => {
  const narrow = Array.from({ length: 8 }, () => 1);
  assertEquals(await waitsOf({ reconnectWindowMs: 0 }), narrow);
});

Deno.test("a window that had grown becomes narrow with the hello of a small fleet's Manager", async () => {
  await using dialling = await Dialling.start();
  dialling.fraction = 1 - 2 ** -20;
  await dialling.run();
  for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000]) {
    (await dialling.greeted()).hangUp();
    await dialling.agent.clock.advance(wait);
  }
  (await dialling.welcomed({ reconnectWindowMs: 5_000 })).hangUp();
  await dialling.agent.clock.settle();
  assertEquals(await waits(dialling, 3), [5, 5, 5]);
});

Deno.test("a Manager that says that it stops is dialled at once again, however often it stopped before", async () => {
  await using dialling = await Dialling.start();
  dialling.fraction = 1 - 2 ** -20;
  await dialling.run();
  for (let restart = 0; restart < 6; restart++) {
    await dialling.welcomed();
    await dialling.bye({ code: Bye_Code.SHUTDOWN, retryAfterMs: 1_000 });
    const before = dialling.dials.length;
    await dialling.agent.clock.advance(2_000);
    assertEquals(dialling.dials.length, before + 1);
  }
});

Deno.test("retry_after is waited out before the jitter, whose window it widens", async () => {
  assertEquals(await waitAfter({ retryAfterMs: 5_000 }), [5, 10]);
  assertEquals(await waitAfter({ retryAfterMs: 100 }), [0, 1]);
});

Deno.test("retry_after counts up to 10 minutes", async () => {
  assertEquals(await waitAfter({ retryAfterMs: 4_000_000_000 }), [600, 1_200]);
});

Deno.test("STALE makes the agent another instance", async () => {
  await using dialling = await Dialling.start();
  const before = dialling.agent.journal.instance;
  await dialling.run();
  await dialling.greeted();
  await dialling.bye({ code: Bye_Code.STALE });
  await dialling.agent.clock.advance(1_000);
  const hello = await dialling.managers[1]?.hears("clientHello");
  assertEquals(hello?.instance, dialling.agent.journal.instance);
  assertEquals(hello?.instance === before, false);
  assertEquals(hello?.session, 2n);
});

Deno.test("a violation of the Manager is reported to it, and the agent waits and dials again", async () => {
  await using dialling = await Dialling.start();
  await dialling.run();
  const manager = await dialling.welcomed();
  await manager.says("serverHello", { version: 1 });
  const { code, reason } = await manager.hears("bye");
  assertEquals(code, Bye_Code.PROTOCOL_ERROR);
  assertMatch(reason, /^protocol error/);
  await manager.hearsTheEnd();
  await dialling.agent.clock.advance(1_000);
  assertEquals(dialling.managers.length, 2);
});

Deno.test("a Manager that does not answer the hello within 10 s is given up and dialled again", async () => {
  await using dialling = await Dialling.start();
  await dialling.run();
  const manager = await dialling.greeted();
  await dialling.agent.clock.advance(10_000);
  await manager.hearsTheEnd();
  await dialling.agent.clock.advance(1_000);
  assertEquals(dialling.managers.length, 2);
});

Deno.test("the Manager chooses how often it is pinged, from 1 s to 15 s", async () => {
  for (const [asked, seconds] of [[5_000, 5], [10, 1], [99_000, 15]] as const) {
    await using dialling = await Dialling.start();
    await dialling.run();
    const manager = await dialling.greeted();
    await manager.says("serverHello", {
      version: 1,
      managerId: MANAGER,
      pingIntervalMs: asked,
    });
    await dialling.agent.clock.advance(seconds * 1_000 - 1);
    assertEquals(manager.heardSoFar(), []);
    await dialling.agent.clock.advance(1);
    await manager.hears("ping");
  }
});

Deno.test("a stop says Bye over the connection, and nothing is dialled any more", async () => {
  await using dialling = await Dialling.start();
  await dialling.run();
  const manager = await dialling.welcomed();
  dialling.link.stop("the agent stops");
  const { code, reason } = await manager.hears("bye");
  assertEquals([code, reason], [Bye_Code.SHUTDOWN, "the agent stops"]);
  manager.hangUp();
  await dialling.agent.clock.advance(100_000);
  assertEquals(dialling.dials.length, 1);
});

Deno.test("a stop during the wait ends the wait", async () => {
  await using dialling = await Dialling.start();
  dialling.fraction = 0.5;
  dialling.dial = () =>
    Promise.reject(new PiriError("UNAVAILABLE", "Cannot connect"));
  await dialling.run();
  dialling.link.stop("the agent stops");
  await dialling.agent.clock.settle();
  assertEquals(dialling.agent.clock.timers, 0);
});

Deno.test("a stop during a dial hangs up on a Manager that still answers", async () => {
  await using dialling = await Dialling.start();
  const dialled = Promise.withResolvers<never>();
  dialling.dial = () => dialled.promise;
  await dialling.run();
  dialling.link.stop("the agent stops");
  const [ours, theirs] = memoryTransports();
  const manager = new ScriptedPeer(theirs);
  dialled.resolve(ours as never);
  await manager.hearsTheEnd();
});

Deno.test("data is requested over the current connection, and refused without one", async () => {
  await using dialling = await Dialling.start();
  const request = () => dialling.link.request("data.Get", "{}");
  assertEquals(codeOf(await assertRejects(request)), "UNAVAILABLE");
  await dialling.run();
  await dialling.greeted();
  assertEquals(codeOf(await assertRejects(request)), "UNAVAILABLE");
  const manager = dialling.managers[0];
  await manager?.says("serverHello", { version: 1, managerId: MANAGER });
  await dialling.agent.clock.settle();
  assertEquals(dialling.link.isReady, true);
  const answer = request();
  const asked = await manager?.hears("dataRequest");
  await manager?.says("dataResponse", {
    requestId: asked?.requestId ?? 0n,
    ok: true,
    value: { case: "string", value: "42" },
  });
  assertEquals(await answer, "42");
  const lost = assertRejects(request);
  await manager?.hears("dataRequest");
  manager?.hangUp();
  assertEquals(codeOf(await lost), "UNAVAILABLE");
});

Deno.test("the former connection is closed and its commands are settled before the next dial", async () => {
  await using dialling = await Dialling.start();
  const { agent } = dialling;
  await dialling.run();
  const manager = await dialling.welcomed();
  await manager.says("command", { commandId: 1n, nonce: 5n });
  manager.hangUp();
  await agent.clock.advance(1_000);
  const hello = await dialling.managers[1]?.hears("clientHello");
  assertEquals(hello?.commands.map(({ commandId }) => commandId), [1n]);
  assertEquals(hello?.lastCommandId, 1n);
});

Deno.test("a result that twice caused a protocol error is sent without the parts that may be at fault", async () => {
  await using dialling = await Dialling.start();
  const { agent } = dialling;
  await agent.accepted({ commandId: 4n, nonce: 9n });
  agent.workers.newest.ends({
    success: false,
    changed: true,
    exitCode: 3,
    message: "odd",
  });
  await agent.clock.settle();
  await dialling.run();
  const told: [string, number | undefined, boolean][] = [];
  for (let delivery = 1; delivery <= 3; delivery++) {
    const manager = await dialling.welcomed();
    const { output, exitCode, truncated } = await manager.hears("result");
    told.push([output, exitCode, truncated]);
    await dialling.bye({
      code: Bye_Code.PROTOCOL_ERROR,
      reason: "protocol error: odd",
    });
    await agent.clock.advance(60_000);
  }

  assertEquals(told, [["odd", 3, false], ["odd", 3, false], ["", 3, true]]);
});

Deno.test("an agent that stood still drops its connection, and begins nothing that it had not read", async () => {
  for (const seconds of [11, 600]) {
    await using dialling = await Dialling.start();
    await dialling.run();
    const old = await dialling.welcomed();
    const { clock, workers, counters } = dialling.agent;

    clock.standStill(seconds * 1_000);
    await old.says("command", {
      commandId: 1n,
      nonce: 3n,
      type: "echo.Echo",
      data: "{}",
    });
    await clock.settle();
    assertEquals(workers.jobs.length, 0);
    await old.hearsTheEnd();
    assertEquals(counters.all()["standstills"], 1n);
    await clock.advance(1_000);
    const hello = await dialling.managers.at(-1)?.hears("clientHello");
    assertEquals(hello?.commands, []);
    assertEquals(hello?.lastCommandId, 0n);
  }
});

Deno.test("an agent that stood still notices it by itself, without a message", async () => {
  await using dialling = await Dialling.start();
  await dialling.run();
  const old = await dialling.welcomed();

  dialling.agent.clock.standStill(11_000);
  await dialling.agent.clock.advance(0);
  await old.hearsTheEnd();
});

Deno.test("an agent that stood still for a short time keeps its connection", async () => {
  await using dialling = await Dialling.start();
  await dialling.run();
  const manager = await dialling.welcomed();
  const { clock, workers } = dialling.agent;

  clock.standStill(4_000);
  await manager.says("command", {
    commandId: 1n,
    nonce: 3n,
    type: "echo.Echo",
    data: "{}",
  });
  await clock.advance(0);
  assertEquals(workers.jobs.length, 1);
  assertEquals(dialling.managers.length, 1);
});

Deno.test("an agent whose Manager is away for a day writes few lines", async () => {
  await using dialling = await Dialling.start();
  dialling.fraction = 0.5;
  dialling.dial = () =>
    Promise.reject(new PiriError("UNAVAILABLE", "Cannot connect"));
  await using log = await heardLog();
  await dialling.run();
  await dialling.agent.clock.advance(86_400_000);
  const told = log.records.filter(({ level }) => level !== "debug");

  assertEquals(dialling.dials.length > 2_000, true);
  assertEquals(told.length > 2 * 100 && told.length < 2 * 160, true);
});

Deno.test("a name that the Manager gives is kept once, and said from the next hello on", async () => {
  await using dialling = await Dialling.start();
  await dialling.run();
  await dialling.welcomed({ name: "shop-1" });
  await dialling.bye({ code: Bye_Code.SHUTDOWN });
  await dialling.agent.clock.advance(1_000);
  const hello = await dialling.managers[1]?.hears("clientHello");
  await dialling.managers[1]?.says("serverHello", {
    version: 1,
    managerId: MANAGER,
    name: "shop-1",
  });
  await dialling.agent.clock.settle();

  assertEquals(hello?.clientId, "shop-1");
  assertEquals(dialling.names, ["shop-1"]);
});

Deno.test("a name that cannot be kept is said nevertheless, and a hello without a name changes nothing", async () => {
  await using dialling = await Dialling.start();
  dialling.canKeep = false;
  await dialling.run();
  await dialling.welcomed({ name: "shop-1" });
  await dialling.bye({ code: Bye_Code.SHUTDOWN });
  await dialling.agent.clock.advance(1_000);
  await dialling.welcomed();
  await dialling.bye({ code: Bye_Code.SHUTDOWN });
  await dialling.agent.clock.advance(1_000);

  const hello = await dialling.managers[2]?.hears("clientHello");
  assertEquals(hello?.clientId, "shop-1");
});

Deno.test("a host that requires signatures keeps its name, as these are for names", async () => {
  await using dialling = await Dialling.start();
  dialling.agent.policy.use({
    policy: await parsePolicy(TWO_SIGNATURES, "policy.yaml"),
    sha256: "",
    error: "",
  });
  await dialling.run();
  await dialling.welcomed({ name: "shop-1" });
  await dialling.bye({ code: Bye_Code.SHUTDOWN });
  await dialling.agent.clock.advance(1_000);
  const hello = await dialling.managers[1]?.hears("clientHello");

  assertEquals([hello?.clientId, dialling.names], [IDENTITY.name, []]);
});

Deno.test("a name that is none ends the connection, and is not kept", async () => {
  await using dialling = await Dialling.start();
  await dialling.run();
  await dialling.welcomed({ name: "../shop" });

  assertEquals([dialling.names, dialling.link.isReady], [[], false]);
});
