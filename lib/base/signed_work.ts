import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { PiriError } from "./errors.ts";
import { globMatches } from "./glob.ts";
import { isTooDeep } from "./json_depth.ts";
import { isSignedBy, PUBLIC_KEY_BYTES } from "./signing_key.ts";
import { canonicalJson } from "./statement.ts";

/** Tells statements that operators sign from all else that a key may sign. */
const KIND = "piri.signed-work.1";

/** Largest statement, in bytes. */
export const MAX_STATEMENT_BYTES = 16_384;

/** Longest time for which a statement is good, in milliseconds. */
export const MAX_SIGNED_MS = 86_400_000;

/** Most signatures of a statement. */
export const MAX_SIGNATURES = 16;

/** Work on agents that operators sign. Agents carry it out once. */
export interface SignedWork {
  /** 16 random bytes in hex digits: tells this statement from all others. */
  readonly id: string;
  readonly operation: string;
  /** Parameters as an object. */
  readonly params: unknown;
  /** Names of agents, or globs in which "*" stands for any characters. */
  readonly targets: readonly string[];
  /** True if its program outlives the agent; absent otherwise. */
  readonly survive?: true | undefined;
  /** First time at which an agent may begin it, in milliseconds since 1970. */
  readonly notBefore: number;
  /** Last time, as `notBefore`. */
  readonly notAfter: number;
}

/** Signature of a statement by the key of an operator. */
export interface WorkSignature {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

/** A statement with its signatures. */
export interface SignedStatement {
  /** Canonical JSON. These bytes are what is signed. */
  readonly statement: Uint8Array;
  readonly signatures: readonly WorkSignature[];
}

/**
 * Spells out a statement: canonical JSON of RFC 8785.
 *
 * @throws {PiriError} INVALID_ARGUMENT if it is too large
 */
export function encodeSignedWork(work: SignedWork): Uint8Array<ArrayBuffer> {
  const { id, operation, params, targets, survive, notBefore, notAfter } = work;
  const bytes = new TextEncoder().encode(canonicalJson({
    kind: KIND,
    id,
    operation,
    params,
    targets,
    // Only where it is asked for: agents of before refuse a field that they do not know.
    ...survive === undefined ? {} : { survive },
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
  }));
  requireSize(bytes);
  return bytes;
}

/**
 * Reads a statement.
 *
 * @throws {PiriError} INVALID_ARGUMENT if it is none, is not canonical, too large, or good for too long
 */
export function decodeSignedWork(bytes: Uint8Array): SignedWork {
  requireSize(bytes);
  const text = textOf(bytes);
  const fields = fieldsOf(text);
  const { kind, id, operation, params, targets, survive, ...times } = fields;
  const notBefore = timeOf(times["notBefore"]);
  const notAfter = timeOf(times["notAfter"]);
  const isWhole =
    Object.keys(fields).length === ("survive" in fields ? 8 : 7) &&
    kind === KIND && (survive === undefined || survive === true) &&
    typeof id === "string" && /^[0-9a-f]{32}$/.test(id) &&
    typeof operation === "string" && typeof params === "object" &&
    params !== null && !Array.isArray(params) && Array.isArray(targets) &&
    targets.every((each) => typeof each === "string");
  if (!isWhole || notBefore === undefined || notAfter === undefined) {
    throw unreadable("it is none of signed work that this version knows");
  }
  if (canonicalJson(fields) !== text) {
    throw unreadable("it is not written as RFC 8785 says");
  }
  if (notAfter - notBefore > MAX_SIGNED_MS) {
    throw unreadable("it is good for more than 24 h");
  }
  const work = { id, operation, params, targets, notBefore, notAfter };
  return survive === true ? { ...work, survive } : work;
}

/** True if a statement means the agent of this name. */
export function meansAgent(
  { targets }: Pick<SignedWork, "targets">,
  name: string,
): boolean {
  return targets.some((each) => globMatches(each, name));
}

/**
 * Part in which a statement differs from some work; undefined if it is the same work. Parameters that are no JSON object
 * are never the same.
 */
export function differenceTo(
  { operation, params, survive }: SignedWork,
  asked: {
    readonly operation: string;
    readonly params: string;
    readonly survive?: boolean | undefined;
  },
): "operation" | "parameters" | "survival" | undefined {
  if (operation !== asked.operation) return "operation";
  if ((survive ?? false) !== (asked.survive ?? false)) return "survival";
  try {
    const isSame = !isTooDeep(asked.params) &&
      canonicalJson(params) === canonicalJson(JSON.parse(asked.params));
    return isSame ? undefined : "parameters";
  } catch {
    return "parameters";
  }
}

/** True if a statement was signed by the key that its signature names. */
export function isSignatureOf(
  { publicKey, signature }: WorkSignature,
  statement: Uint8Array,
): boolean {
  return isSignedBy(publicKey, statement, signature);
}

/** Public key of an operator as policies have it. */
export function signerText(publicKey: Uint8Array): string {
  return `ed25519:${encodeBase64(publicKey)}`;
}

/**
 * Reads the public key of an operator.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseSigner(text: string): Uint8Array<ArrayBuffer> {
  const encoded = /^ed25519:([A-Za-z0-9+/]{43}=)$/.exec(text)?.[1];
  const key = encoded === undefined ? undefined : decodeBase64(encoded);
  if (key?.length === PUBLIC_KEY_BYTES) return key;
  throw new PiriError(
    "INVALID_ARGUMENT",
    'Cannot read the key of a signer: it should be "ed25519:" and 44 characters, as piri-manager key show prints it',
  );
}

function requireSize({ length }: Uint8Array): void {
  if (length <= MAX_STATEMENT_BYTES) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use the statement: it has ${length} bytes, and the limit is ${MAX_STATEMENT_BYTES}`,
  );
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch {
    throw unreadable("it is not UTF-8 text");
  }
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  if (isTooDeep(text)) throw unreadable("it is nested too deeply");
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Reported below.
  }
  throw unreadable("it is no JSON object");
}

function timeOf(value: unknown): number | undefined {
  if (typeof value !== "string") return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) || new Date(time).toISOString() !== value
    ? undefined
    : time;
}

function unreadable(why: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use the statement: ${why}`,
  );
}
