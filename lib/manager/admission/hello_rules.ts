import type { ClientHello } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { Limits, NAME_PATTERN } from "../../base/limits.ts";
import { PUBLIC_KEY_BYTES } from "../../base/signing_key.ts";
import { dialectOfAgent } from "../../wire/dialect.ts";

/** Most keys that a hello may list as trusted. */
const MAX_TRUST = 16;

const HASH_BYTES = 32;

/**
 * Checks the limits of a hello that the schema does not express.
 *
 * @throws {PiriError} PROTOCOL_VIOLATION
 */
export function checkHello(hello: ClientHello): void {
  const facts = Object.entries(hello.facts)
    .reduce((sum, [key, value]) => sum + bytesOf(key) + bytesOf(value), 0);
  const complaint = !NAME_PATTERN.test(hello.clientId)
    ? `"${hello.clientId.slice(0, Limits.name)}" is not a name`
    : hello.protocol === 1
    ? "protocol 1 does not exist"
    : facts > Limits.facts
    ? `its facts take ${facts} bytes, the limit is ${Limits.facts}`
    : hello.commands.length > Limits.openCommands
    ? `it lists ${hello.commands.length} commands, the limit is ${Limits.openCommands}`
    : hello.lastCommandId < 0n
    ? "its last command id is below 0"
    : dialectOfAgent(hello).hasIdentities &&
        !/^[0-9a-f]{32}$/.test(hello.instance)
    ? "its instance is not 32 hexadecimal digits"
    : hello.publicKey.length !== 0 &&
        hello.publicKey.length !== PUBLIC_KEY_BYTES
    ? `its key has ${hello.publicKey.length} bytes, and not ${PUBLIC_KEY_BYTES}`
    : hello.trust.length > MAX_TRUST ||
        hello.trust.some(({ length }) => length !== HASH_BYTES)
    ? `its list of trusted keys is not one of at most ${MAX_TRUST} hashes`
    : policyComplaint(hello.policy);
  if (complaint !== undefined) {
    throw new PiriError(
      "PROTOCOL_VIOLATION",
      `Cannot accept the hello: ${complaint}`,
    );
  }
}

function policyComplaint(policy: ClientHello["policy"]): string | undefined {
  if (policy === undefined) return undefined;
  const { mode, edition, sha256, error } = policy;
  return mode.length > Limits.word || edition.length > Limits.word
    ? "a word of its policy is too long"
    : sha256.length !== 0 && sha256.length !== 32
    ? `the hash of its policy has ${sha256.length} bytes, and not 32`
    : bytesOf(error) > Limits.policyError
    ? `the error of its policy is longer than ${Limits.policyError} bytes`
    : undefined;
}

/** Most different sets that are shared. A fleet has one for each version of its agents. */
const MAX_SETS = 100;

/** Sets of the operations of agents. Agents with the same operations share one set. */
export class OperationSets {
  readonly #sets = new Map<string, ReadonlySet<string>>();

  /** Returns the operations of a hello; undefined if its facts do not list them. */
  of(hello: ClientHello): ReadonlySet<string> | undefined {
    const list = hello.facts["operations"];
    if (list === undefined) return undefined;
    const known = this.#sets.get(list);
    if (known !== undefined) return known;
    const set: ReadonlySet<string> = new Set(list.split(" "));
    if (this.#sets.size < MAX_SETS) this.#sets.set(list, set);
    return set;
  }
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
