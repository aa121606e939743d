import type { Sealed } from "../../base/sealed.ts";
import type { DataOwner } from "../data/layers.ts";

/** Secret that the Manager keeps. */
export interface StoredSecret {
  readonly value: Sealed;
  /** Target expression for the agents that get it for a command; empty for none. */
  readonly forTargets: string;
}

/** Secrets that the Manager keeps. */
export interface StoredSecrets {
  /**
   * Finds a secret for an agent: in its own file, in those of its groups, or in that of all agents.
   *
   * @throws {PiriError} CORRUPT, DENIED, DISK
   */
  find(name: string, owner: DataOwner): Promise<StoredSecret | undefined>;
  /**
   * Name of a secret that is for an agent by its name: in its own file, or by its targets. Undefined for none.
   *
   * @throws {PiriError} CORRUPT, DENIED, DISK
   */
  nameFor(agent: string): Promise<string | undefined>;
  /**
   * Keyed hash of a secret's value; see `secretMac`.
   *
   * @throws {PiriError} CORRUPT, DENIED, DISK
   */
  macOf(name: string, value: Sealed): Promise<string>;
}
