import type { MaskedOutput } from "../../base/masking/masked_output.ts";
import type { Sealed } from "../../base/sealed.ts";
import type { SecretPaths } from "./secret_paths.ts";

/** Secrets that the steps of a run may name. */
export interface SecretSource {
  /**
   * Requests the value of a secret.
   *
   * @throws {PiriError} NOT_FOUND, DENIED, FAILED_PRECONDITION and others with the Manager's reason; CANCELLED
   */
  open(name: string): Promise<Sealed>;
  /** Key for the fingerprints of a run with secrets. It stays, and never leaves the host. */
  fingerprintKey(): Promise<Uint8Array>;
  /** Masks of all that the run tells. */
  readonly masks: MaskedOutput;
  /** Paths of files that have had secrets in them. */
  readonly paths: Pick<SecretPaths, "all" | "add">;
}
