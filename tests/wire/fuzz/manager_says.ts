import { FEATURES } from "../../../lib/wire/features.ts";
import { encodeMessage } from "../../../lib/wire/message.ts";
import type { OnDisconnect } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { body, KINDS } from "../../support/scripted_peer.ts";
import { pingsOf } from "./agent_says.ts";
import { EDGES } from "./fields.ts";
import type { Seeded } from "../../support/seeded.ts";

/** A command in the agent's journal. */
export interface Journaled {
  readonly id: bigint;
  readonly nonce: bigint;
  readonly isFinished: boolean;
  readonly stdout: bigint;
  readonly stderr: bigint;
}

/** Facts that a simulated Manager needs to be taken for a real one. */
export interface ManagerView {
  readonly managerId: string;
  readonly lastCommandId: bigint;
  readonly entries: readonly Journaled[];
}

/** Makes messages of a Manager to an agent, all of them correct or nearly so. */
export function managerSays(view: ManagerView, random: Seeded): Uint8Array[] {
  const bodies = [encodeMessage(helloOf(view, random))];
  const count = random.below(12);
  let nextId = view.lastCommandId + 1n;
  for (let said = 0; said < count; said++) {
    switch (random.below(13)) {
      case 0:
        bodies.push(encodeMessage(body("ping", { data: random.u32() | 0 })));
        break;
      case 1:
        bodies.push(encodeMessage(body("pong")));
        break;
      case 2:
      case 3:
      case 4:
        bodies.push(encodeMessage(commandOf(nextId, random)));
        nextId += BigInt(random.pick([0, 1, 1, 1, 1, 5]));
        break;
      case 5:
      case 6:
        bodies.push(encodeMessage(body("cancel", {
          commandId: idOf(view, nextId, random),
          ...(random.chance(0.5) ? { graceMs: random.below(9_000) } : {}),
        })));
        break;
      case 7:
      case 8:
      case 9:
        bodies.push(encodeMessage(ackOf(view, nextId, random)));
        break;
      case 10:
        bodies.push(encodeMessage(body("dataResponse", {
          requestId: BigInt(1 + random.below(3)),
          ok: random.chance(0.7),
          value: random.chance(0.5)
            ? { case: "string", value: random.pick(["{}", "NOT_FOUND: no"]) }
            : { case: "bytes", value: new Uint8Array(random.below(3_000)) },
          more: random.chance(0.3),
        })));
        break;
      case 11:
        bodies.push(encodeMessage(body("authChallenge", {
          nonce: new Uint8Array(random.pick([32, 0])),
          managerKey: new Uint8Array(random.pick([32, 0])),
          managerId: view.managerId,
          signature: new Uint8Array(random.pick([64, 0])),
        })));
        break;
      default:
        bodies.push(encodeMessage(
          random.chance(0.4) ? body(random.pick(KINDS)) : body("bye", {
            reason: "the Manager stops",
            code: random.below(12),
          }),
        ));
    }
  }
  if (random.chance(0.02)) bodies.push(...pingsOf(random));
  return bodies;
}

function helloOf(view: ManagerView, random: Seeded) {
  // A legacy Manager.
  if (random.chance(0.05)) return body("serverHello", { version: 1 });
  return body("serverHello", {
    version: random.chance(0.98) ? 1 : random.pick([0, 2, 2 ** 32 - 1]),
    features: random.chance(0.85)
      ? [...FEATURES]
      : FEATURES.filter(() => random.chance(0.6)),
    managerVersion: "0.1.0",
    managerId: view.managerId,
    pingIntervalMs: random.pick([0, 1_000, 15_000, 2 ** 32 - 1]),
    reconnectWindowMs: random.pick([0, 1_000, 60_000, 2 ** 32 - 1]),
    name: random.pick(["", "", "", "web-2", "../web", "x".repeat(200)]),
    ...(random.chance(0.3) ? { checkpoint: checkpointOf(random) } : {}),
    resume: view.entries.filter(() => random.chance(0.7)).map((entry) => ({
      commandId: entry.id,
      stdout: partOf(entry.stdout, random),
      stderr: partOf(entry.stderr, random),
    })),
  });
}

function checkpointOf(random: Seeded) {
  return {
    count: random.pick([0n, 7n, -1n, 2n ** 63n - 1n]),
    hash: new Uint8Array(random.pick([32, 0, 33])),
    atMs: random.pick([0n, 1_767_225_600_000n, 2n ** 63n - 1n]),
    managerKey: new Uint8Array(random.pick([32, 0])),
    signature: new Uint8Array(random.pick([64, 0])),
  };
}

function commandOf(id: bigint, random: Seeded) {
  // An id above the highest one would not fit.
  const commandId = BigInt.asIntN(64, id);
  return body("command", {
    commandId,
    type: random.pick(["echo.Echo", "command.Run", "no.Such"]),
    data: random.pick(["{}", "", '{"argv":["true"]}']),
    nonce: random.chance(0.9) ? BigInt.asUintN(64, commandId + 100n) : 0n,
    onDisconnect: random.pick<OnDisconnect>([0, 1, 2, 2, 3 as OnDisconnect]),
    ...(random.chance(0.3)
      ? { timeoutMs: random.pick([0, 50, 2 ** 32 - 1]) }
      : {}),
    ...(random.chance(0.3)
      ? { killAfterMs: random.pick([0, 50, 2 ** 32 - 1]) }
      : {}),
    ...(random.chance(0.3)
      ? {
        statement: random.pick([
          new Uint8Array([0xff]),
          new TextEncoder().encode('{"kind":"piri.signed-work.1"}'),
          new Uint8Array(20_000),
        ]),
        signatures: [{
          publicKey: new Uint8Array(random.pick([32, 0])),
          signature: new Uint8Array(random.pick([64, 0])),
        }],
      }
      : {}),
    requestedBy: random.pick([
      "",
      "anna",
      'local (says "anna")',
      '"\n{"event":"gap"}\u{1f4a5}\u202e\x1b[2J',
      "x".repeat(5_000),
    ]),
  });
}

function ackOf(view: ManagerView, nextId: bigint, random: Seeded) {
  const entry = view.entries.length > 0 && random.chance(0.7)
    ? random.pick(view.entries)
    : undefined;
  return body("commandAck", {
    commandId: entry?.id ?? idOf(view, nextId, random),
    stdout: partOf(entry?.stdout ?? 100n, random),
    stderr: partOf(entry?.stderr ?? 100n, random),
    final: random.chance(0.5),
  });
}

function idOf(view: ManagerView, nextId: bigint, random: Seeded): bigint {
  const known = view.entries.map(({ id }) => id);
  if (random.chance(0.1)) return BigInt.asIntN(64, random.pick(EDGES));
  return random.pick([
    ...known,
    view.lastCommandId,
    BigInt.asIntN(64, nextId),
    1n,
  ]);
}

/** Draws an offset: usually one within the stream, otherwise one beyond it or far beyond it. */
function partOf(length: bigint, random: Seeded): bigint {
  return random.pick([
    0n,
    length,
    length,
    length / 2n,
    length + 1n,
    random.chance(0.1) ? 2n ** 53n - 1n : length,
  ]);
}
