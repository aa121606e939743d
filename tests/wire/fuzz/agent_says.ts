import { FEATURES } from "../../../lib/wire/features.ts";
import { encodeMessage } from "../../../lib/wire/message.ts";
import { body, type Init, KINDS } from "../../support/scripted_peer.ts";
import { EDGES } from "./fields.ts";
import type { Seeded } from "../../support/seeded.ts";

/** A command that an agent may report on. */
export interface Known {
  readonly id: bigint;
  readonly nonce: bigint;
  readonly stdout: bigint;
  readonly stderr: bigint;
}

/** Facts that a simulated agent needs to be taken for a real one. */
export interface AgentView {
  readonly name: string;
  readonly instance: string;
  readonly session: bigint;
  /** Open commands of the agent. */
  readonly open: readonly Known[];
  /** Ids of ended commands, of other agents' commands, and of no command. */
  readonly otherIds: readonly bigint[];
}

/** Secret of an agent. */
export function secretOf(name: string): string {
  return `secret of ${name}`;
}

/** Makes messages of an agent to a Manager, all of them correct or nearly so. */
export function agentSays(view: AgentView, random: Seeded): Uint8Array[] {
  const speaker = new Speaker(view, random);
  const bodies = [encodeMessage(body("clientHello", helloOf(view, random)))];
  if (random.chance(0.1)) {
    bodies.push(encodeMessage(
      body("authProof", {
        signature: new Uint8Array(random.pick([64, 64, 1])),
      }),
    ));
  }
  const count = random.below(12);
  for (let said = 0; said < count; said++) bodies.push(speaker.next());
  if (random.chance(0.02)) bodies.push(...pingsOf(random));
  return bodies;
}

/** Makes a burst of pings: each gets its own Pong, up to a limit. */
export function pingsOf(random: Seeded): Uint8Array[] {
  const data = random.u32() | 0;
  const ping = encodeMessage(body("ping", { data }));
  return Array.from({ length: random.pick([3, 999, 1_200]) }, () => ping);
}

function helloOf(view: AgentView, random: Seeded): Init<"clientHello"> {
  const { name, instance, session, open } = view;
  if (random.chance(0.03)) {
    return {
      clientId: "new-1",
      auth: secretOf("new-1"),
      joinToken: random.pick(["token", "token", "another"]),
      protocol: 2,
      instance,
      session,
    };
  }
  // A legacy agent.
  if (random.chance(0.05)) return { clientId: name, auth: secretOf(name) };
  const listed = open.filter(() => random.chance(0.8));
  return {
    clientId: name,
    auth: secretOf(name),
    protocol: 2,
    features: random.chance(0.85)
      ? [...FEATURES]
      : FEATURES.filter(() => random.chance(0.6)),
    agentVersion: "0.1.0",
    facts: { os: "linux", operations: "echo.Echo command.Run" },
    instance,
    session,
    ...random.chance(0.1)
      ? {
        publicKey: new Uint8Array(random.pick([32, 32, 32, 31])),
        helloNonce: new Uint8Array(random.pick([32, 32, 32, 0])),
      }
      : {},
    ...random.chance(0.1)
      ? {
        trust: Array.from(
          { length: random.pick([1, 2, 16, 17]) },
          () => new Uint8Array(random.pick([32, 32, 32, 31])),
        ),
      }
      : {},
    ...random.chance(0.2)
      ? {
        policy: {
          mode: random.pick([
            "all",
            "rules",
            "observe",
            "none",
            "x".repeat(101),
          ]),
          edition: random.pick(["full", "observe", ""]),
          sha256: new Uint8Array(random.pick([0, 32, 32, 31])),
          unlimited: random.chance(0.5),
          error: random.pick(["", "line 3", "x".repeat(1_001)]),
        },
      }
      : {},
    lastCommandId: random.chance(0.8)
      ? 0n
      : random.pick([...open.map(({ id }) => id), 2n ** 31n]),
    commands: [
      ...listed.map(({ id, nonce, stdout, stderr }) => ({
        commandId: id,
        nonce: random.chance(0.95) ? nonce : nonce ^ 1n,
        state: random.below(4),
        stdout,
        stderr,
      })),
      ...view.otherIds.filter(() => random.chance(0.1)).map((commandId) => ({
        commandId,
        nonce: 100n + BigInt.asUintN(32, commandId),
        state: 2,
      })),
    ],
  };
}

/** An agent's messages about commands. It remembers the offsets of its streams, so that most of its output fits. */
class Speaker {
  readonly #view: AgentView;
  readonly #random: Seeded;
  readonly #at = new Map<string, bigint>();

  constructor(view: AgentView, random: Seeded) {
    this.#view = view;
    this.#random = random;
  }

  next(): Uint8Array {
    const random = this.#random;
    const commandId = this.#id();
    switch (random.below(14)) {
      case 0:
        return encodeMessage(body("ping", { data: random.u32() | 0 }));
      case 1:
        return encodeMessage(body("pong", { data: 0 }));
      case 2:
      case 3:
        return encodeMessage(body("progress", {
          commandId,
          current: random.below(9),
          total: random.below(9),
          message: random.pick(["", "on its way"]),
        }));
      case 4:
      case 5:
      case 6:
      case 7:
        return this.#output(commandId);
      case 8:
      case 9:
      case 10:
        return this.#result(commandId);
      case 11:
      case 12:
        return encodeMessage(body("dataRequest", {
          requestId: BigInt(random.below(5)),
          type: random.pick([
            "data",
            "file_content",
            "secret",
            "slow",
            "wrong",
          ]),
          data: random.pick([
            ...["", "{}", '{"key":"a"}'],
            '{"command":"1","name":"a"}',
            '{"command":"99999999999999999999","name":""}',
          ]),
        }));
      default:
        return encodeMessage(
          random.chance(0.3)
            ? body(random.pick(KINDS))
            : body("bye", { reason: "the agent stops", code: 6 }),
        );
    }
  }

  #id(): bigint {
    const own = this.#view.open.map(({ id }) => id);
    const random = this.#random;
    if (own.length > 0 && random.chance(0.8)) return random.pick(own);
    return random.chance(0.8)
      ? random.pick(this.#view.otherIds)
      : BigInt.asIntN(64, random.pick(EDGES));
  }

  #output(commandId: bigint): Uint8Array {
    const random = this.#random;
    const stream = random.chance(0.03) ? 3 : 1 + random.below(2);
    const key = `${commandId} ${stream}`;
    const known = this.#view.open.find(({ id }) => id === commandId);
    const start = stream === 1 ? known?.stdout : known?.stderr;
    const at = this.#at.get(key) ?? start ?? 0n;
    const cut = random.chance(0.1) ? BigInt(random.below(5_000)) : 0n;
    const bytes = new Uint8Array(
      random.chance(0.97) ? random.below(300) : random.pick([65_536, 400_000]),
    ).fill(0x2e);
    this.#at.set(key, at + cut + BigInt(bytes.length));
    const offset = random.chance(0.9)
      ? at + cut
      : BigInt(random.below(Number(at) + 100));
    return encodeMessage(
      body("commandOutput", { commandId, stream, offset, bytes, cut }),
    );
  }

  #result(commandId: bigint): Uint8Array {
    const random = this.#random;
    return encodeMessage(body("result", {
      commandId,
      status: random.below(8),
      changed: random.chance(0.5),
      output: random.pick(["", "it went wrong"]),
      exitCode: random.below(3),
      signal: random.pick(["", "SIGTERM"]),
      startedAtMs: this.#time(),
      finishedAtMs: this.#time(),
      stdoutBytes: this.#at.get(`${commandId} 1`) ?? 0n,
      stderrBytes: this.#at.get(`${commandId} 2`) ?? 0n,
      ...(random.chance(0.3)
        ? { reaped: { signalled: 2, alive: [17, 18] } }
        : {}),
      stdoutSha256: new Uint8Array(random.pick([0, 32, 32, 31, 70_000])),
      stderrSha256: new Uint8Array(random.pick([0, 0, 32, 1])),
      masked: random.pick([0n, 1n, 2n ** 32n, 2n ** 64n - 1n]),
      data: random.pick([
        new Uint8Array(),
        new TextEncoder().encode('{"errorCode":"NOT_STARTED"}'),
      ]),
    }));
  }

  #time(): bigint {
    const random = this.#random;
    return random.chance(0.9)
      ? 1_700_000_000_000n
      : BigInt.asIntN(64, random.pick(EDGES));
  }
}
