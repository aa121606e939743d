import { encodeBase64 } from "@std/encoding/base64";
import type { AskedSignatures } from "../../lib/manager/api/job_api.ts";
import {
  encodeSignedWork,
  type SignedStatement,
  type SignedWork,
  signerText,
} from "../../lib/base/signed_work.ts";
import { SigningKey, signingKeyOf } from "../../lib/base/signing_key.ts";

/** Key of an operator, the same for the same number. */
export function operatorKey(number: number): SigningKey {
  return new SigningKey(signingKeyOf(new Uint8Array(32).fill(number)));
}

export const ALICE = operatorKey(1);
export const BOB = operatorKey(2);
export const MALLORY = operatorKey(3);

/** Lines of a policy that requires two signatures for every operation. */
export const TWO_SIGNATURES = `
mode: all
signers:
  alice: "${signerText(ALICE.publicKey)}"
  bob: "${signerText(BOB.publicKey)}"
require: [{ do: "*", signatures: 2 }]
`;

/** Id of a statement by a number. */
export function statementId(number: number): string {
  return number.toString(16).padStart(32, "0");
}

/** Statement for the echo of "hi" on web-1 in the first hour of a fake clock. */
export function echoWork(
  now: number,
  more: Partial<SignedWork> = {},
): SignedWork {
  return {
    id: statementId(1),
    operation: "echo.Echo",
    params: { text: "hi" },
    targets: ["web-1"],
    notBefore: now,
    notAfter: now + 3_600_000,
    ...more,
  };
}

/** Signs a statement by keys. */
export function signBy(
  statement: Uint8Array,
  ...keys: readonly SigningKey[]
): SignedStatement & {
  signatures: { publicKey: Uint8Array; signature: Uint8Array }[];
} {
  return {
    statement,
    signatures: keys.map((key) => ({
      publicKey: key.publicKey,
      signature: key.sign(statement),
    })),
  };
}

/** Work signed by Alice and Bob. */
export function signedByTwo(work: SignedWork): ReturnType<typeof signBy> {
  return signBy(encodeSignedWork(work), ALICE, BOB);
}

/** Signatures of operators, as a request for a job has them. */
export function askedSignatures(
  work: SignedWork,
  needed: number,
  ...keys: readonly SigningKey[]
): AskedSignatures {
  const bytes = encodeSignedWork(work);
  return {
    statement: new TextDecoder().decode(bytes),
    needed,
    signatures: keys.map((key) => signatureBy(key, bytes)),
  };
}

/** Signature as a request has it. */
export function signatureBy(
  key: SigningKey,
  statement: Uint8Array,
): { key: string; signature: string } {
  return {
    key: signerText(key.publicKey),
    signature: encodeBase64(key.sign(statement)),
  };
}
