import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { Sealed } from "../../../lib/base/sealed.ts";
import { KEYLESS_FEATURES } from "../../../lib/wire/features.ts";
import { secretsOf } from "../../../lib/operations/registry.ts";
import type { StoredSecret } from "../../../lib/manager/secrets/stored_secrets.ts";
import { MemoryManager } from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";

const LIMITS = {
  batch: undefined,
  canary: undefined,
  canaryTargets: [],
  maxFailures: undefined,
  cancelRest: false,
  pauseMs: undefined,
  order: "name",
  deadlineMs: undefined,
  queueMs: undefined,
  supersedeKey: "",
} as const;

function stored(value: string, forTargets: string): StoredSecret {
  return { value: new Sealed(value), forTargets };
}

/** Manager with the secrets of a map, and the agents web-1 (group web) and db-1. */
async function withSecrets(
  secrets = new Map([["token", stored("hunter22", "@web")]]),
) {
  const core = await MemoryManager.start({
    secretsOf,
    storedSecrets: {
      find: (name) => Promise.resolve(secrets.get(name)),
      macOf: () => Promise.resolve(""),
      nameFor: () => Promise.resolve(undefined),
    },
  });
  await core.knows("web-1", { groups: ["web"] });
  await core.knows("db-1");
  return {
    core,
    secrets,
    web: await core.admitted("web-1"),
    db: await core.admitted("db-1"),
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

function params(...names: string[]): string {
  const variables = names.map((name, n) => [`VAR_${n}`, name]);
  return JSON.stringify({
    argv: ["x"],
    secret_env: Object.fromEntries(variables),
  });
}

async function ask(
  peer: ScriptedPeer,
  command: bigint,
  name: string,
): Promise<string> {
  const data = JSON.stringify({ command: String(command), name });
  await peer.says("dataRequest", { requestId: 1n, type: "secret", data });
  return String((await peer.hears("dataResponse")).value.value);
}

function start(
  core: MemoryManager,
  agent: string,
  names: string[],
  given: Readonly<Record<string, string>> = {},
) {
  return core.jobs.start({
    targets: { expressions: [agent] },
    operation: "command.Run",
    params: params(...names),
    onDisconnect: "continue",
    limits: LIMITS,
    name: "",
    note: "",
    requestId: crypto.randomUUID(),
    requestedBy: "test",
    saidBy: "",
    secrets: new Map(
      Object.entries(given).map(([name, text]) => [name, new Sealed(text)]),
    ),
  });
}

Deno.test("an agent gets a secret for its open command that names it, and no longer", async () => {
  await using parts = await withSecrets();
  const { core, web, db } = parts;
  assertMatch(await ask(web, 1n, "token"), /^DENIED: /);
  await start(core, "web-1", ["token"]);
  const { commandId: id } = await web.hears("command");

  assertEquals(await ask(web, id, "token"), "hunter22");
  assertMatch(await ask(web, id, "other"), /^DENIED: /);
  assertMatch(await ask(web, id + 1n, "token"), /^DENIED: /);
  assertEquals(
    await ask(db, id, "token"),
    `DENIED: Cannot answer the request: no open command ${id} of agent "db-1" names the secret "token"`,
  );
  await web.says("result", { commandId: id, status: 1 });
  await web.hears("commandAck");
  assertMatch(await ask(web, id, "token"), /^DENIED: /);
});

Deno.test("work is refused that names a secret which is not there, or not for its agent", async () => {
  await using parts = await withSecrets();
  const { core, secrets } = parts;
  const refused = async (agent: string, name: string) => {
    const error = await assertRejects(
      () => start(core, agent, [name]),
      PiriError,
    );
    return `${error.code}: ${error.message}`;
  };
  secrets.set("loose", stored("hunter22", ""));
  secrets.set("pin", stored("12345", "all"));
  assertEquals(
    await refused("db-1", "token"),
    'DENIED: Cannot give the secret "token" to agent "db-1": it is for "@web"',
  );
  assertMatch(await refused("web-1", "loose"), /it is for no agent yet/);
  assertMatch(await refused("web-1", "pin"), /it has 5 bytes/);
  assertEquals(
    await refused("web-1", "none"),
    'NOT_FOUND: Cannot find the secret "none": there is none for agent "web-1"',
  );
  assertEquals(await core.jobs.list({ limit: 10 }), []);
});

Deno.test("facts that a host tells of itself do not make a secret be for it", async () => {
  await using parts = await withSecrets();
  const { core, secrets } = parts;
  secrets.set("token", stored("hunter22", "os.id=debian"));
  const peer = await core.admitted("db-1", { facts: { "os.id": "debian" } });
  await assertRejects(() => start(core, "db-1", ["token"]), PiriError);
  await peer.says("pong", { data: 0 });
});

Deno.test("the targets of a secret are looked up when an agent asks for it", async () => {
  await using parts = await withSecrets();
  const { core, web, secrets } = parts;
  await start(core, "web-1", ["token"]);
  const { commandId: id } = await web.hears("command");
  secrets.set("token", stored("hunter22", "@db"));
  assertEquals(
    await ask(web, id, "token"),
    'NOT_FOUND: Cannot find the secret "token": there is none for agent "web-1"',
  );
});

Deno.test("a secret that came with the request is there until the job has ended, and in no record", async () => {
  await using parts = await withSecrets();
  const { core, web } = parts;
  const { job } = await start(core, "web-1", ["given:VAR"], {
    "given:VAR": "letmein1",
  });
  const { commandId: id, data } = await web.hears("command");
  assertEquals(JSON.parse(data).secret_env, { VAR_0: "given:VAR" });
  assertEquals(await ask(web, id, "given:VAR"), "letmein1");
  const kept = [
    await core.jobs.get(job.id),
    await core.commands.get(id),
    await core.audit.list({ limit: 10 }),
  ];
  assertEquals(Deno.inspect(kept, { depth: 20 }).includes("letmein1"), false);
  await web.says("result", { commandId: id, status: 2 });
  await web.hears("commandAck");

  const again = await assertRejects(() =>
    core.jobs.rerun(job.id, {
      scope: "all",
      on: [],
      requestId: "again",
      requestedBy: "test",
      saidBy: "",
    }), PiriError);
  assertEquals(again.code, "FAILED_PRECONDITION");
  assertMatch(again.message, /it came with a request, and is nowhere any more/);
});

Deno.test("a secret that nothing names, or that names nothing, is refused with the request", async () => {
  await using parts = await withSecrets();
  const { core } = parts;
  const stray = await assertRejects(
    () => start(core, "web-1", [], { "given:VAR": "letmein1" }),
    PiriError,
  );
  assertMatch(stray.message, /do not name the secret "given:VAR"/);
  assertEquals(stray.message.includes("letmein1"), false);
  await assertRejects(
    () => start(core, "web-1", ["given:VAR"]),
    PiriError,
    "nowhere any more",
  );
});

Deno.test("an agent that does not mask gets no command with a secret", async () => {
  await using parts = await withSecrets();
  const { core } = parts;
  await core.admitted("web-1", {
    features: KEYLESS_FEATURES.filter((feature) => feature !== "secrets"),
  });
  const error = await assertRejects(
    () =>
      core.run("web-1", { operation: "command.Run", params: params("token") }),
    PiriError,
  );
  assertEquals(error.code, "REFUSED");
  assertMatch(error.message, /cannot take secrets, nor mask them/);
});

Deno.test("a secret of a request is forgotten with its job, also for a command that comes back", async () => {
  await using parts = await withSecrets();
  const { core, web } = parts;
  await start(core, "web-1", ["given:VAR"], { "given:VAR": "letmein1" });
  const { commandId: id } = await web.hears("command");
  await core.commands.giveUp(id);
  await core.clock.settle();
  await web.says("progress", { commandId: id, current: 1, total: 2 });
  await core.clock.settle();
  assertEquals((await core.commands.get(id)).state, "running");
  assertMatch(await ask(web, id, "given:VAR"), /^FAILED_PRECONDITION: /);
});
