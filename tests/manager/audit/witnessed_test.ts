import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import {
  type Checkpoint,
  signCheckpoint,
} from "../../../lib/base/checkpoint.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import type { AuditVerdict } from "../../../lib/manager/api/audit_api.ts";
import { KEYLESS_FEATURES } from "../../../lib/wire/features.ts";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { anEntry } from "../../store/support.ts";
import { MANAGER_PROOF, proves, testKey } from "../../support/keys.ts";
import { MemoryManager } from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";

const NOW = { signal: new AbortController().signal };

const ANNA = { requestedBy: "anna", saidBy: "" };

/** Manager with a key, and entries in its audit, of which the last one is the join of its agent. */
async function started(entries: number): Promise<MemoryManager> {
  const core = await MemoryManager.start({ proof: MANAGER_PROOF });
  for (let entry = 1; entry < entries; entry++) {
    await core.store.recordAudit(anEntry({ at: 1_000 * entry }));
  }
  await core.knows("web-1");
  return core;
}

/** Signs the audit of a Manager as it is now. */
async function signed(
  { store }: MemoryManager,
  { key = MANAGER_PROOF.key, ...other }: {
    key?: typeof MANAGER_PROOF.key;
    count?: bigint;
    hash?: Uint8Array;
  } = {},
): Promise<Checkpoint> {
  const { end: { id: count, hash } } = await store.auditState();
  const facts = { count, hash, at: 5_000, ...other };
  const { managerId } = store;
  return signCheckpoint(facts, { kind: "checkpoint", managerId, key });
}

/** Answer of an agent to the question about the audit. */
function answer(
  { witnesses = [], commands = [], more = false }: {
    witnesses?: readonly Checkpoint[];
    commands?: readonly (readonly [string, string, number])[];
    more?: boolean;
  },
): string {
  return JSON.stringify({
    witnesses: witnesses.map(({ count, hash, at, key, signature }) => ({
      count: String(count),
      hash: encodeHex(hash),
      at,
      key: encodeHex(key),
      signature: encodeHex(signature),
    })),
    commands,
    more,
  });
}

/** Answers the next question, and returns its parameters. */
async function answers(agent: ScriptedPeer, data: string): Promise<unknown> {
  const { commandId, type, data: params } = await agent.hears("command");
  assertEquals(type, "agent.Audit");
  await agent.says("result", {
    commandId,
    status: CommandResult_Status.SUCCESS,
    data: new TextEncoder().encode(data),
  });
  return JSON.parse(params);
}

/** The verdict if an agent answers this. */
async function verdictOf(
  core: MemoryManager,
  ...pages: string[]
): Promise<AuditVerdict> {
  const agent = await core.admitted("web-1");
  const verdict = core.audit.verify(NOW.signal, {
    ...ANNA,
    targets: { expressions: ["web-1"] },
  });
  for (const page of pages) {
    await answers(agent, page);
    await core.clock.settle();
  }
  return await verdict;
}

function messages({ problems }: AuditVerdict): string[] {
  return problems.map(({ kind, message }) => `${kind}: ${message}`);
}

Deno.test("an agent that has proven its key is told the newest checkpoint with its hello", async () => {
  await using core = await started(3);
  await core.store.addCheckpoint(await signed(core));
  await using again = await core.restarted();
  const { peer } = await proves(again, "web-1");
  const { checkpoint } = await peer.hears("serverHello");

  assertEquals([checkpoint?.count, checkpoint?.atMs], [3n, 5_000n]);
  assertEquals(checkpoint?.managerKey, MANAGER_PROOF.key.publicKey);
  await again.shutdown();
});

Deno.test("an agent without a key is told no checkpoint", async () => {
  await using core = await started(3);
  await core.store.addCheckpoint(await signed(core));
  await using again = await core.restarted();
  const peer = await again.hello("web-1", { features: [...KEYLESS_FEATURES] });
  const { checkpoint } = await peer.hears("serverHello");

  assertEquals(checkpoint, undefined);
  await again.shutdown();
});

Deno.test("a contradiction that an agent tells is an event, at most one a minute", async () => {
  await using core = await started(1);
  const agent = await core.admitted("web-1");
  const request = {
    type: "audit_contradiction",
    data: JSON.stringify({
      kept: { count: "9", at: 0 },
      told: { count: "5", at: 1_000 },
    }),
  };
  await agent.says("dataRequest", { requestId: 1n, ...request });
  await agent.says("dataRequest", { requestId: 2n, ...request });
  await core.clock.settle();

  assertEquals(
    (await core.seen()).filter((text) => text.startsWith("audit_")),
    [
      'audit_contradicted: agent "web-1" keeps a checkpoint of 9 entries at 1970-01-01T00:00:00.000Z, and the Manager told it one of 5 entries at 1970-01-01T00:00:01.000Z that contradicts it: "piri-manager audit verify --with-agents" says more',
    ],
  );
});

for (
  const data of [
    "{}",
    "x",
    JSON.stringify({ kept: { count: "\u001b[31m", at: 0 }, told: {} }),
  ]
) {
  Deno.test(`a contradiction told as ${JSON.stringify(data)} is refused`, async () => {
    await using core = await started(1);
    const agent = await core.admitted("web-1");
    await agent.says("dataRequest", {
      requestId: 1n,
      type: "audit_contradiction",
      data,
    });

    assertEquals((await agent.hears("dataResponse")).ok, false);
    assertEquals(await core.seen({ kinds: ["audit_*"] }), []);
  });
}

Deno.test("a checkpoint of the Manager itself finds a chain that is another one", async () => {
  await using core = await started(3);
  const hash = new Uint8Array(32);
  await core.store.addCheckpoint(await signed(core, { count: 2n, hash }));
  await core.store.addCheckpoint(await signed(core, { count: 9n, hash }));

  assertEquals(messages(await core.audit.verify(NOW.signal)), [
    "rebuilt: entries 1 to 2 are not what the Manager signed at 1970-01-01T00:00:05.000Z: the chain was made again",
    "cut: the end is missing: the Manager signed 9 entries at 1970-01-01T00:00:05.000Z, and there are 3",
  ]);
});

Deno.test("a checkpoint that somebody else wrote is found", async () => {
  await using core = await started(3);
  const checkpoint = await signed(core);
  await core.store.addCheckpoint({ ...checkpoint, at: 6_000 });
  await core.store.addCheckpoint(await signed(core, { key: testKey(5) }));

  const [first = "", second = ""] = messages(
    await core.audit.verify(NOW.signal),
  );
  assertEquals(
    first,
    "unsigned: 1 of 2 checkpoints are not signed as they should be, the first one that of 3 entries",
  );
  assertMatch(second, /^unsigned: the newest checkpoint is signed by SHA256:/);
});

Deno.test("a checkpoint of an agent counts only if this Manager signed it", async () => {
  await using core = await started(3);
  const hash = new Uint8Array(32);
  const forged = await signed(core, { count: 9n, hash, key: testKey(5) });
  const real = await signed(core);
  const verdict = await verdictOf(
    core,
    answer({ witnesses: [forged, { ...real, count: 8n }, real] }),
  );

  assertEquals(messages(verdict), []);
  const [word] = verdict.agents;
  assertEquals([word?.witnesses, word?.unknown], [1, 2]);
});

for (
  const data of [
    "[]",
    '{"witnesses":[],"commands":[["1","x\\u001b",0]],"more":false}',
    '{"witnesses":[{"count":"1","hash":"zz","at":0,"key":"","signature":""}],"commands":[],"more":false}',
  ]
) {
  Deno.test(`an answer of an agent that is ${data} is none`, async () => {
    await using core = await started(3);
    const verdict = await verdictOf(core, data);

    assertEquals(messages(verdict), []);
    assertEquals(verdict.agents.map(({ error }) => error), [
      "its answer cannot be read",
    ]);
  });
}

Deno.test("commands of agents are asked for page by page, and compared by their nonces", async () => {
  await using core = await started(1);
  const agent = await core.admitted("web-1");
  const verdict = core.audit.verify(NOW.signal, {
    ...ANNA,
    targets: { expressions: ["all"] },
  });
  const first = await answers(
    agent,
    answer({ commands: [["900", "1f", 0]], more: true }),
  );
  await agent.hears("commandAck");
  const second = await answers(agent, answer({ commands: [["1", "7", 0]] }));
  const { problems, agents } = await verdict;

  const manager = core.store.managerId;
  assertEquals([first, second], [{ manager }, { manager, skip: 1 }]);
  // The questions are the commands 1 and 2, with other nonces.
  assertEquals(problems.map(({ kind, commandId }) => [kind, commandId]), [
    ["denied", 900n],
    ["denied", 1n],
  ]);
  assertEquals(agents.map(({ commands }) => commands), [2]);
});

Deno.test("a command from before the history that is kept is not held against the Manager", async () => {
  await using core = await started(1);
  const before = core.clock.now() + 1;
  await core.run("web-1", { operation: "echo.Echo" }).catch(() => {});
  const old = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await old.hears("command");
  await old.says("result", {
    commandId: id,
    status: CommandResult_Status.SUCCESS,
  });
  await core.clock.settle();
  old.hangUp();
  await core.clock.settle();
  await core.store.prune({ before, outputBytes: 0n });

  const verdict = await verdictOf(
    core,
    answer({ commands: [[String(id), "7", 0]] }),
  );
  assertEquals(messages(verdict), []);
  assertEquals(verdict.agents.map(({ tooOld }) => tooOld), [1]);
});

Deno.test("an audit is pruned up to its newest checkpoint, and holds from the stub on", async () => {
  await using core = await started(5);
  await core.store.addCheckpoint(await signed(core));
  await core.store.recordAudit(anEntry());

  const pruned = await core.audit.prune({ keep: 0n }, ANNA);
  const verdict = await core.audit.verify(NOW.signal);

  assertEquals(pruned, { deleted: 5n, upTo: 5n, asked: 6n });
  assertEquals(messages(verdict), []);
  assertEquals([verdict.count, verdict.stub?.count], [7n, 5n]);
  const [entry, ...others] = await core.audit.list({ limit: 10 });
  assertEquals([entry?.act, entry?.who, entry?.outcome, others.length], [
    "PruneAudit",
    "anna",
    "entries 1 to 5 deleted",
    1,
  ]);
});

Deno.test("entries older than a time are pruned, and a second time the others", async () => {
  await using core = await started(5);
  await core.store.addCheckpoint(await signed(core));

  const first = await core.audit.prune({ before: 3_000 }, ANNA);
  const none = await core.audit.prune({ before: 3_000 }, ANNA);
  const second = await core.audit.prune({ keep: 2n }, ANNA);

  assertEquals([first.upTo, none.deleted, second.upTo], [2n, 0n, 4n]);
  assertEquals(messages(await core.audit.verify(NOW.signal)), []);
  const { signal } = NOW;
  const left = await Array.fromAsync(
    core.audit.export({ fromId: 1n, follow: false, signal }),
  );
  assertEquals(left.map(({ id }) => id), [5n, 6n, 7n]);
});

Deno.test("prune() deletes no entry without a checkpoint", async () => {
  await using core = await started(5);

  const pruned = await core.audit.prune({ keep: 0n }, ANNA);
  assertEquals(pruned, { deleted: 0n, upTo: 0n, asked: 5n });
  assertEquals((await core.audit.list({ limit: 10 })).length, 5);
});

Deno.test("an audit that is not what was signed cannot be pruned", async () => {
  await using core = await started(5);
  const hash = new Uint8Array(32);
  await core.store.addCheckpoint(await signed(core, { count: 2n, hash }));

  await assertRejects(
    () => core.audit.prune({ keep: 0n }, ANNA),
    PiriError,
    "Cannot prune the audit: entries 1 to 2 are not what the Manager signed",
  );
});

Deno.test("a Manager without a key cannot prune its audit", async () => {
  await using core = await MemoryManager.start();

  await assertRejects(
    () => core.audit.prune({ keep: 0n }, ANNA),
    PiriError,
    "this Manager has no key",
  );
});

Deno.test("a stub that the Manager has not signed is found", async () => {
  await using core = await started(5);
  const { store } = core;
  const [, second = null] = await store.auditHashes([1n, 2n]);
  await store.pruneAudit({
    count: 2n,
    hash: second ?? new Uint8Array(),
    at: 0,
    key: testKey(1).publicKey,
    signature: new Uint8Array(64),
  }, anEntry());

  assertEquals(messages(await core.audit.verify(NOW.signal)), [
    "unsigned: entries 1 to 2 are missing, and the stub in their place is not signed as it should be",
  ]);
});

Deno.test("a checkpoint of an agent holds against the stub, and one before it is left out", async () => {
  await using core = await started(5);
  const at3 = await signed(core, {
    count: 3n,
    hash: (await core.store.auditHashes([3n]))[0] ?? new Uint8Array(),
  });
  const other = await signed(core, { count: 3n, hash: new Uint8Array(32) });
  const older = await signed(core, { count: 1n, hash: new Uint8Array(32) });
  await core.store.addCheckpoint(await signed(core));
  await core.audit.prune({ keep: 2n }, ANNA);

  const good = await verdictOf(core, answer({ witnesses: [older, at3] }));
  assertEquals(messages(good), []);
  core.sessions.at(-1)?.shutdown(0);
  await core.clock.settle();
  const bad = await verdictOf(core, answer({ witnesses: [other] }));
  assertEquals(bad.problems.map(({ kind }) => kind), ["rebuilt"]);
});
