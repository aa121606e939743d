import type { ClientHello } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { fieldsHash, sha256 } from "../base/sha256.ts";
import { PUBLIC_KEY_BYTES } from "../base/signing_key.ts";
import type { Feature } from "./features.ts";
import { encodeMessage } from "./message.ts";

/** Bytes of each nonce. */
export const NONCE_BYTES = 32;

/** First field of every transcript: what is signed, and in which edition. */
const LABEL = "piri proof 1";

/** The feature of a peer that proves its key. */
export const PROOF: Feature = "proof";

/** Facts about the Manager, as one side knows them. */
export interface ProvenManager {
  readonly managerId: string;
  /** Public key of the Manager. */
  readonly managerKey: Uint8Array;
  /** SHA-256 of the public key of the authority that this side trusts. */
  readonly authority: Uint8Array;
  /** Name that its certificate must have. */
  readonly serverName: string;
}

/** All that both sides of a connection sign. */
export interface Transcript extends ProvenManager {
  readonly hello: Pick<
    ClientHello,
    "clientId" | "publicKey" | "instance" | "session" | "helloNonce"
  >;
  /** SHA-256 of the message with the hello, as it was sent. */
  readonly helloHash: Uint8Array;
  /** Nonce of the challenge. */
  readonly nonce: Uint8Array;
}

/** The bytes that one side signs: SHA-256 of all fields of the transcript, each after its length. */
export function transcriptHash(
  signer: "agent" | "manager",
  transcript: Transcript,
): Uint8Array<ArrayBuffer> {
  const { hello } = transcript;
  const session = new Uint8Array(8);
  new DataView(session.buffer).setBigUint64(0, hello.session);
  return fieldsHash([
    LABEL,
    signer,
    transcript.managerId,
    transcript.managerKey,
    transcript.authority,
    transcript.serverName,
    hello.clientId,
    hello.publicKey,
    hello.instance,
    session,
    hello.helloNonce,
    transcript.nonce,
    transcript.helloHash,
  ]);
}

/** SHA-256 of the message that carries a hello. Its sender and its receiver hash the same bytes. */
export function helloHash(hello: ClientHello): Uint8Array<ArrayBuffer> {
  return sha256(encodeMessage({ case: "clientHello", value: hello }));
}

/** True if a hello is the ground for a challenge: it offers the proof, and has all that a transcript needs. */
export function offersProof(
  { protocol, features, publicKey, helloNonce }: ClientHello,
): boolean {
  return protocol !== 0 && features.includes(PROOF) &&
    publicKey.length === PUBLIC_KEY_BYTES && helloNonce.length === NONCE_BYTES;
}
