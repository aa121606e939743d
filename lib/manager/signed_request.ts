import { decodeBase64 } from "@std/encoding/base64";
import { PiriError } from "../base/errors.ts";
import {
  decodeSignedWork,
  differenceTo,
  isSignatureOf,
  MAX_SIGNATURES,
  meansAgent,
  parseSigner,
  type SignedStatement,
} from "../base/signed_work.ts";
import type { AskedSignatures } from "./api/job_api.ts";
import type { SignatureRecord, SignedRecord } from "../store/job_records.ts";

/** Words for the parts in which a statement differs from the work that it comes with. */
const DIFFERENCES = {
  operation: "has another operation",
  parameters: "has other parameters",
  survival: "says otherwise whether its program outlives the agent",
} as const;

/** Work that a statement comes with. */
interface Asked {
  readonly operation: string;
  readonly params: string;
  readonly survive?: boolean | undefined;
  readonly signed?: AskedSignatures | undefined;
}

/**
 * Checks what operators have signed of some work, so that a mistake is told here. Who may sign is for agents to judge:
 * their policies have the keys.
 *
 * @throws {PiriError} INVALID_ARGUMENT; FAILED_PRECONDITION if its time is over
 */
export function checkSigned(
  asked: Asked,
  names: readonly string[],
  now: number,
): void {
  const { signed } = asked;
  if (signed === undefined) return;
  const bytes = new TextEncoder().encode(signed.statement);
  const work = decodeSignedWork(bytes);
  const difference = differenceTo(work, asked);
  if (difference !== undefined) {
    throw wrong(`the statement that was signed ${DIFFERENCES[difference]}`);
  }
  const other = names.find((name) => !meansAgent(work, name));
  if (other !== undefined) {
    throw wrong(`the statement that was signed is not for "${other}"`);
  }
  if (now > work.notAfter) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot start it: what was signed was good until ${
        new Date(work.notAfter).toISOString()
      }`,
    );
  }
  const { needed, signatures } = signed;
  if (needed < 1 || needed > MAX_SIGNATURES) {
    throw wrong(`it can wait for 1 to ${MAX_SIGNATURES} signatures`);
  }
  if (signatures.length > MAX_SIGNATURES) {
    throw wrong(
      `it has ${signatures.length} signatures, and the limit is ${MAX_SIGNATURES}`,
    );
  }
  const keys = new Set(signatures.map(({ key }) => key));
  if (keys.size < signatures.length) throw wrong("a key signed it twice");
  if (!signatures.every((each) => isRightSignature(signed.statement, each))) {
    throw wrong("a signature is not of this statement by its key");
  }
}

/** Signatures that some work still waits for, a count. */
export function missingSignatures(
  signed: AskedSignatures | null | undefined,
): number {
  return Math.max(0, (signed?.needed ?? 0) - (signed?.signatures.length ?? 0));
}

/** True if a signature is of a statement, by its key. Throws INVALID_ARGUMENT for a key that is none. */
export function isRightSignature(
  statement: string,
  { key, signature }: Pick<SignatureRecord, "key" | "signature">,
): boolean {
  const bytes = new TextEncoder().encode(statement);
  const signed = { publicKey: parseSigner(key), signature: bytesOf(signature) };
  return isSignatureOf(signed, bytes);
}

/** Statement and signatures as they are recorded of a request. Null without. */
export function signedRecord(
  { signed, requestedBy }: {
    readonly signed?: AskedSignatures | undefined;
    readonly requestedBy: string;
  },
  at: number,
): SignedRecord | null {
  return signed === undefined ? null : {
    ...signed,
    signatures: signed.signatures
      .map((each) => ({ by: requestedBy, at, ...each })),
  };
}

/** Statement and signatures as agents get them. */
export function signedStatement(
  signed: SignedRecord | null,
): SignedStatement | undefined {
  if (signed === null) return undefined;
  return {
    statement: new TextEncoder().encode(signed.statement),
    signatures: signed.signatures.map(({ key, signature }) => ({
      publicKey: parseSigner(key),
      signature: bytesOf(signature),
    })),
  };
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  try {
    return decodeBase64(text);
  } catch {
    return new Uint8Array();
  }
}

function wrong(why: string): PiriError {
  return new PiriError("INVALID_ARGUMENT", `Cannot start it: ${why}`);
}
