import type { LogOptions } from "../../base/log.ts";

/** What the agent's subcommands need of the rest of the program. */
export interface AgentServices {
  /**
   * Enrols this host with a token. What was done before is not done again, so it may be repeated after a crash.
   *
   * @throws {PiriError} INVALID_ARGUMENT for what is no token; AUTH_FAILED, DENIED, UNAVAILABLE.
   */
  join(
    options: { readonly dir: string; readonly token: string },
  ): Promise<Joined>;
  /** Runs the agent until the signal is aborted, and resolves when it has come to rest. */
  run(
    options: { readonly dir: string; readonly log: Partial<LogOptions> },
    signal: AbortSignal,
  ): Promise<void>;
  /** Tries what `run` will need, step by step; stops where the next step makes no sense. */
  check(options: { readonly dir: string }): AsyncIterable<CheckStep>;
}

/** What a host is after it has joined. */
export interface Joined {
  readonly name: string;
  /** The Manager's address. */
  readonly address: string;
}

/** How one step of a check went. */
export interface CheckStep {
  readonly step: "config" | "name" | "address" | "tls" | "clock" | "identity";
  readonly ok: boolean;
  /** A sentence for people. */
  readonly detail: string;
}
