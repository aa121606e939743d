import type { Asker } from "../../base/asker.ts";
import type { Sealed } from "../../base/sealed.ts";

/** File that a secret is in: that of an agent counts before those of its groups, and these before that of all agents. */
export type SecretPlace =
  | { readonly kind: "all" }
  | { readonly kind: "group" | "agent"; readonly name: string };

/** Secret as people see it: without its value. */
export interface SecretView {
  /** Name of the secret. */
  readonly name: string;
  /** File that it is in. */
  readonly place: SecretPlace;
  /** Target expression for the agents that get it for a command; empty for none. */
  readonly forTargets: string;
}

/** Secrets that the Manager keeps. Nobody reads a value back. */
export interface SecretAdmin {
  /**
   * Lists all secrets by place and name.
   *
   * @throws {PiriError} CORRUPT, DENIED, DISK
   */
  list(): Promise<SecretView[]>;
  /**
   * Sets a secret, in place of one that was there.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a bad name, value or expression; CORRUPT, DENIED, DISK
   */
  set(secret: {
    /** Name of the secret. */
    readonly name: string;
    /** File to put it into. */
    readonly place: SecretPlace;
    /** Value of 6 to 32,768 bytes. */
    readonly value: Sealed;
    /** Target expression of its agents. If absent, that of the secret stays, and a new secret gets an empty one. */
    readonly forTargets?: string | undefined;
  }, asker: Asker): Promise<void>;
  /**
   * Changes the agents that a secret is for.
   *
   * @throws {PiriError} NOT_FOUND; INVALID_ARGUMENT for a bad expression; CORRUPT, DENIED, DISK
   */
  edit(secret: SecretView, asker: Asker): Promise<void>;
  /**
   * Removes a secret.
   *
   * @throws {PiriError} NOT_FOUND; CORRUPT, DENIED, DISK
   */
  remove(
    secret: Omit<SecretView, "forTargets">,
    asker: Asker,
  ): Promise<void>;
  /**
   * Encrypts all secrets with new keys. Returns the number of files.
   *
   * @throws {PiriError} CORRUPT, DENIED, DISK
   */
  rotate(asker: Asker): Promise<number>;
}
