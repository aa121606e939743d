import type { LogOptions } from "../../base/log.ts";
import type { Life } from "../life.ts";

/** Parts of the program that the agent's subcommands use. */
export interface AgentServices {
  /**
   * Enrols this host with a token. May be repeated after a crash: finished steps are not done again.
   *
   * @throws {PiriError} INVALID_ARGUMENT for what is no token; AUTH_FAILED, DENIED, UNAVAILABLE.
   */
  join(
    options: { readonly dir: string; readonly token: string },
  ): Promise<Joined>;
  /** Runs the agent until it is to stop, and resolves when it has come to rest. */
  run(
    options: { readonly dir: string; readonly log: Partial<LogOptions> },
    life: Life,
  ): Promise<void>;
  /** Tests each step of `run` in order, and stops where the next one makes no sense. */
  check(options: { readonly dir: string }): AsyncIterable<CheckStep>;
}

/** A host that has joined. */
export interface Joined {
  readonly name: string;
  /** The Manager's address. */
  readonly address: string;
}

/** Outcome of one step of a check. */
export interface CheckStep {
  readonly step: "config" | "name" | "address" | "tls" | "clock" | "identity";
  readonly ok: boolean;
  /** A sentence for people. */
  readonly detail: string;
}
