import { encodeHex } from "@std/encoding/hex";
import { type Asker, askerText, NOBODY } from "../../base/asker.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { sha256 } from "../../base/sha256.ts";
import { hashFingerprint } from "../../base/signing_key.ts";
import { Turns } from "../../base/turns.ts";
import type { AgentRecord } from "../../store/records.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { signStatement } from "../../wire/trust.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import { TRUST } from "../command/told_keys.ts";
import type { Commands } from "../commands.ts";
import type { AgentSession } from "../fleet.ts";
import type {
  CertificateView,
  KeyKind,
  KeysAdmin,
  KeyView,
} from "../api/keys_api.ts";
import type { ManagerParts } from "../manager_parts.ts";
import {
  hashesOf,
  hasNext,
  type RotatingKeys,
  statementOf,
} from "./rotating_keys.ts";

const log = logger("manager", "keys");

/** Asker of the commands that the Manager gives by itself. */
const ITSELF = "piri-manager";

export interface KeyRotationOptions extends ManagerParts {
  /** Keys of this Manager; undefined if they are in no folder: then they cannot be rotated. */
  readonly keys: RotatingKeys | undefined;
  readonly commands: Pick<Commands, "run">;
}

/** Words for each kind of key. */
const WORDS: Readonly<Record<KeyKind, { noun: string; finish: string }>> = {
  authority: { noun: "authority", finish: "piri-manager ca rotate --finish" },
  manager: {
    noun: "key of the Manager",
    finish: "piri-manager manager rotate-key --finish",
  },
};

/**
 * Rotations of the keys that agents trust. Agents are told of a new key, and trust both; when all of them do, the old one
 * is given up. Each agent is told when its hello shows that it trusts others than it should.
 */
export class KeyRotation implements KeysAdmin {
  readonly #options: KeyRotationOptions;
  readonly #turns = new Turns();
  /** Number of the newest statement that each connection was told. */
  readonly #told = new WeakMap<AgentSession, number>();
  #requests = 0;

  constructor(options: KeyRotationOptions) {
    this.#options = options;
  }

  async view(): Promise<Record<KeyKind, KeyView>> {
    const keys = this.#keys("show the keys");
    const agents = await this.#trusting();
    return {
      authority: viewOf(agents, {
        hash: keys.authority.hash,
        expiresAt: keys.authority.expiresAt,
        next: keys.nextAuthority?.hash,
      }),
      manager: viewOf(agents, {
        hash: sha256(keys.managerKey.publicKey),
        expiresAt: undefined,
        next: keys.nextManagerKey && sha256(keys.nextManagerKey.publicKey),
      }),
    };
  }

  start(
    kind: KeyKind,
    asker: Asker = NOBODY,
    given: string | undefined = undefined,
  ): Promise<KeyView> {
    const { noun, finish } = WORDS[kind];
    const keys = this.#keys(`rotate the ${noun}`);
    return this.#turns.run(async () => {
      if (hasNext(keys, kind)) {
        throw new PiriError(
          "FAILED_PRECONDITION",
          `Cannot rotate the ${noun}: a rotation is under way; "${finish}" ends it`,
        );
      }
      const accepted = () =>
        this.#audit(
          "StartRotation",
          kind,
          asker,
          given === undefined ? {} : { authority: given },
        );
      if (kind === "authority") {
        await keys.startAuthority(given, accepted);
      } else {
        await accepted();
        await keys.startManagerKey();
      }
      const view = (await this.view())[kind];
      this.#options.events.add(
        "key_rotation",
        `a rotation of the ${noun} to ${view.nextFingerprint} was begun by ${
          askerText(asker) || "an operator"
        }; ${countOf(view.missing.length)} to be told`,
      );
      await this.#tellAll();
      return view;
    });
  }

  finish(
    kind: KeyKind,
    without: readonly string[],
    asker: Asker = NOBODY,
    given: string | undefined = undefined,
  ): Promise<{ key: KeyView; leftBehind: readonly string[] }> {
    const { noun } = WORDS[kind];
    const attempt = `finish the rotation of the ${noun}`;
    const keys = this.#keys(attempt);
    return this.#turns.run(async () => {
      if (!hasNext(keys, kind)) {
        throw new PiriError(
          "FAILED_PRECONDITION",
          `Cannot ${attempt}: none is under way`,
        );
      }
      const { missing } = (await this.view())[kind];
      await this.#requireAgents(attempt, without);
      const unwilling = missing.filter((name) => !without.includes(name));
      if (unwilling.length > 0) {
        throw new PiriError(
          "FAILED_PRECONDITION",
          `Cannot ${attempt}: ${foldNames(unwilling)} ${
            unwilling.length === 1 ? "does" : "do"
          } not trust the new key yet, and could not connect any more`,
        );
      }
      const leftBehind = missing.filter((name) => without.includes(name));
      const accepted = () =>
        this.#audit("FinishRotation", kind, asker, { leftBehind });
      if (kind === "authority") {
        await keys.finishAuthority(given, accepted);
      } else {
        await accepted();
        await keys.finishManagerKey();
      }
      const key = (await this.view())[kind];
      const left = leftBehind.length === 0
        ? ""
        : `; left behind: ${foldNames(leftBehind)}`;
      this.#options.events.add(
        "key_rotation",
        `the rotation of the ${noun} to ${key.fingerprint} was finished by ${
          askerText(asker) || "an operator"
        }${left}`,
      );
      await this.#tellAll();
      return { key, leftBehind };
    });
  }

  hasAuthorityKey(): Promise<boolean> {
    return this.#keys("show the keys").hasAuthorityKey();
  }

  hasNextAuthorityKey(): Promise<boolean> {
    return this.#keys("show the keys").hasNextAuthorityKey();
  }

  certificate(): Promise<CertificateView> {
    return this.#keys("renew the certificate").certificate();
  }

  replaceCertificate(certPem: string, asker: Asker = NOBODY): Promise<number> {
    const keys = this.#keys("renew the certificate");
    return this.#turns.run(async () => {
      const expiresAt = await keys.replaceCertificate(
        certPem,
        () =>
          this.#audit("ReplaceCertificate", "certificate", asker, { certPem }),
      );
      this.#options.events.add(
        "certificate_renewed",
        `the server certificate was replaced by ${
          askerText(asker) || "an operator"
        }, and is good until ${new Date(expiresAt).toISOString()}`,
      );
      return expiresAt;
    });
  }

  /** Tells an agent that is ready for commands which keys to trust, if it trusts others. Never rejects. */
  async agentReady({ agent }: Pick<AgentSession, "agent">): Promise<void> {
    const { keys, store, commands, fleet } = this.#options;
    const session = fleet.session(agent);
    if (keys === undefined || keys.number === 0 || session === undefined) {
      return;
    }
    const { features, operations } = session;
    if (!features.has("proof") || operations?.has(TRUST) === false) return;
    const { number } = keys;
    if ((this.#told.get(session) ?? 0) >= number) return;
    this.#told.set(session, number);
    try {
      const trust = (await store.agent(agent))?.trust ?? null;
      if (isSame(trust, hashesOf(keys))) return;
      await commands.run({
        agents: [agent],
        operation: TRUST,
        params: JSON.stringify(
          signStatement(statementOf(keys), keys.managerKey),
        ),
        requestId:
          `trust ${number} ${agent} ${session.instance} ${session.session} ${++this
            .#requests}`,
        requestedBy: ITSELF,
        credential: "own",
        onDisconnect: "continue",
      });
    } catch (error) {
      // Its next hello shows again what it trusts.
      this.#told.delete(session);
      log.warning("Cannot tell {agent} which keys to trust: {error}", {
        agent,
        error: messageOf(error),
      });
    }
  }

  async #tellAll(): Promise<void> {
    const { fleet } = this.#options;
    const told: Promise<void>[] = [];
    for (const session of fleet.sessions()) told.push(this.agentReady(session));
    await Promise.all(told);
  }

  /** Agents that should go on after a rotation. */
  async #trusting(): Promise<AgentRecord[]> {
    const agents = await this.#options.store.agents();
    return agents.filter((agent) =>
      !agent.retired && agent.revokedAt === null &&
      (agent.secretHash !== null || agent.publicKey !== null)
    );
  }

  async #requireAgents(
    attempt: string,
    names: readonly string[],
  ): Promise<void> {
    const agents = await this.#options.store.agents();
    const unknown = names.find((name) => !agents.some(({ id }) => id === name));
    if (unknown === undefined) return;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot ${attempt}: there is no agent "${unknown}"`,
    );
  }

  async #audit(
    act: string,
    kind: KeyKind | "certificate",
    asker: Asker,
    statement: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const { store, clock } = this.#options;
    await store.recordAudit(
      auditEntry(
        { act, on: [kind], statement: { kind, ...statement } },
        asker,
        clock,
      ),
    );
  }

  #keys(attempt: string): RotatingKeys {
    const { keys } = this.#options;
    if (keys !== undefined) return keys;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot ${attempt}: the keys of this Manager are not in a folder; do it where they are, and export it again`,
    );
  }
}

function viewOf(
  agents: readonly AgentRecord[],
  { hash, expiresAt, next }: {
    readonly hash: Uint8Array;
    readonly expiresAt: number | undefined;
    readonly next: Uint8Array | undefined;
  },
): KeyView {
  const wanted = next && encodeHex(next);
  const missing = wanted === undefined
    ? []
    : agents.filter(({ trust }) => trust?.includes(wanted) !== true);
  return {
    fingerprint: hashFingerprint(hash),
    expiresAt,
    nextFingerprint: next && hashFingerprint(next),
    trustedBy: wanted === undefined ? 0 : agents.length - missing.length,
    missing: missing.map(({ id }) => id),
  };
}

function isSame(
  trust: readonly string[] | null,
  wanted: readonly Uint8Array[],
): boolean {
  const names = wanted.map((hash) => encodeHex(hash)).toSorted();
  return trust !== null &&
    trust.toSorted().join() === names.join();
}

function countOf(agents: number): string {
  return agents === 1 ? "1 agent is" : `${agents} agents are`;
}
