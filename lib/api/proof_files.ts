import { dirname, join } from "@std/path";

/** Header of a request that names its proof. */
export const PROOF_HEADER = "piri-proof";

/** Name of a proof, as a Manager makes it. */
export const PROOF_NAME = /^[0-9a-f]{32}$/;

/** Mode of a file that proves its owner. */
export const PROOF_MODE = 0o600;

/** Folder of the proofs for a socket. */
export function proofFolder(socket: string): string {
  return join(dirname(socket), "control.proof");
}
