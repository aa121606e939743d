import type { LogOptions } from "../../base/log_options.ts";
import type { Life } from "../life.ts";
import type { WithService, WithWindowsService } from "../service_acts.ts";
import type { WithGuard } from "../service_guard.ts";

/** Parts of the program that the agent's subcommands use. */
export interface AgentServices
  extends WithService, WithWindowsService, WithGuard {
  /**
   * Enrols this host with a token. May be repeated after a crash: finished steps are not done again.
   *
   * @throws {PiriError} INVALID_ARGUMENT for what is no token; FAILED_PRECONDITION if the host has joined by another one;
   * AUTH_FAILED, DENIED, UNAVAILABLE.
   */
  join(options: {
    readonly dir: string;
    readonly token: string;
    /** Name to join under, if the token is for many hosts; empty for the host's own. */
    readonly name: string;
    /** True to give up the identity that the host has already. */
    readonly replace: boolean;
    /** Told once if somebody has to accept the host. */
    readonly waits: (
      host: { readonly name: string; readonly fingerprint: string },
    ) => Promise<void>;
  }): Promise<Joined>;
  /** Name and Manager of a host that has joined by this token; undefined if it has not. */
  joinedBy(
    options: { readonly dir: string; readonly token: string },
  ): Promise<Joined | undefined>;
  /** Runs the agent until it is to stop, and resolves when it has come to rest. */
  run(
    options: { readonly dir: string; readonly log: Partial<LogOptions> },
    life: Life,
  ): Promise<void>;
  /** Tests each step of `run` in order, and stops where the next one makes no sense. */
  check(options: { readonly dir: string }): AsyncIterable<CheckStep>;
  /**
   * Reads this host's own record of its commands, whether or not the agent runs.
   *
   * @throws {PiriError} FAILED_PRECONDITION if the folder is no agent's; DENIED if this user may not; DISK
   */
  commands(options: { readonly dir: string }): Promise<HostRecord>;
  /** Checks that nobody has changed that record. Throws as `commands`. */
  verifyCommands(options: { readonly dir: string }): Promise<RecordVerdict>;
  readonly policy: PolicyServices;
  /** Carries out calls of custom operations from the standard input, until it ends. */
  customOperations(): Promise<void>;
}

/** Commands about the policy of this host. */
export interface PolicyServices {
  /** Reads the policy, right or wrong. */
  check(dir: string): Promise<CheckedPolicy>;
  /** Decides about a command as the agent would. */
  test(
    dir: string,
    asked: { readonly operation: string; readonly params: string },
  ): Promise<{
    /** Rule that decided. */
    readonly rule: string;
    /** Sentence about a refusal; empty if it is allowed. */
    readonly refusal: string;
    /** Signatures that it needs besides, a count. */
    readonly signatures: number;
  }>;
  /**
   * Asks the running agent to read its policy again, and returns its process.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a wrong policy; FAILED_PRECONDITION, DENIED, UNSUPPORTED
   */
  reload(dir: string): Promise<number>;
}

/** Policy as it is on the disk. */
export interface CheckedPolicy {
  readonly path: string;
  /** "none" if the file is wrong. */
  readonly mode: string;
  readonly edition: string;
  /** Empty without a file. */
  readonly sha256: string;
  /** Empty if the file is right. */
  readonly error: string;
  /** Count of rules. */
  readonly rules: number;
  /** Names of those who may sign. */
  readonly signers: readonly string[];
  /** Operations that need signatures, and how many. */
  readonly require: readonly {
    readonly do: readonly string[];
    readonly signatures: number;
  }[];
  /** Ways around the rules. */
  readonly unlimitedBy: readonly string[];
}

/** A host that has joined. */
export interface Joined {
  readonly name: string;
  /** The Manager's address. */
  readonly address: string;
}

/** Verdict on the record of a host. */
export interface RecordVerdict {
  /** Lines whose hashes were compared, a count. */
  readonly lines: number;
  /** Number of the first of them; 0 without one. */
  readonly first: number;
  /** Sentences about places where it was changed. */
  readonly findings: readonly string[];
  /** Sentences about what cannot be told. */
  readonly notes: readonly string[];
}

/** Record of a host. */
export interface HostRecord {
  /** Commands in the order in which the host got them. */
  readonly commands: readonly HostCommand[];
  /** Sentences about what is missing in the record. */
  readonly troubles: readonly string[];
}

/** Command of a host's own record. Times are milliseconds since 1970, by the clock of the host. */
export interface HostCommand {
  readonly id: bigint;
  readonly nonce: bigint;
  /** Manager that gave it; empty for a legacy one. */
  readonly managerId: string;
  readonly operation: string;
  /** Program without its arguments; empty if there is none. */
  readonly program: string;
  /** User who asked for it, as the Manager told; empty if it did not. */
  readonly requestedBy: string;
  readonly state: string;
  /** Reason of a refusal or an early end; empty if there is none. */
  readonly why: string;
  readonly acceptedAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly cancelledAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly tookMs: number | undefined;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
}

/** Outcome of one step of a check. */
export interface CheckStep {
  readonly step: "config" | "name" | "address" | "tls" | "clock" | "identity";
  readonly ok: boolean;
  /** A sentence for people. */
  readonly detail: string;
}
