import type { Clock, Timer } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { logger } from "../base/log.ts";

const log = logger("agent");

/** Time between two looks whether the agent may restart, in milliseconds. */
const LOOK_MS = 100;

/** Longest wait for the Manager to acknowledge results that are safe in the journal, in milliseconds. */
const MAX_DELIVERY_MS = 30_000;

/** Restart that somebody asks for. */
export interface RestartRequest {
  /** Cause, for the log. */
  readonly cause: string;
  /** "idle" waits until no command runs, "now" ends those that run. */
  readonly when: "idle" | "now";
  /** Longest wait until the agent is idle, in milliseconds; no limit if absent. */
  readonly withinMs?: number | undefined;
  /** Id of the command that asks: its result is delivered before. */
  readonly commandId?: bigint;
}

/** Parts of the agent that a restart needs. */
export interface RestartsOptions {
  readonly clock: Clock;
  /** True if a command runs, or is about to. */
  readonly isBusy: () => boolean;
  /** True if a result of this command, or of any, waits for a Manager that is connected. */
  readonly isDelivering: (commandId?: bigint) => boolean;
  /**
   * Ends the process, so that its service manager starts it again; undefined if no service manager has started it. Called
   * in the same moment in which the agent was found idle.
   */
  readonly restart: ((request: RestartRequest) => void) | undefined;
}

/** Restarts of the agent that wait for their moment. No command is refused, ended or lost for one that waits until idle. */
export class Restarts {
  readonly #options: RestartsOptions;
  #request: RestartRequest | undefined;
  #timer: Timer | undefined;
  /** Time at which it is given up, and since which no command runs, by the monotonic clock. */
  #end = Infinity;
  #quietSince: number | undefined;

  constructor(options: RestartsOptions) {
    this.#options = options;
  }

  /** True if a restart waits. */
  get isPending(): boolean {
    return this.#request !== undefined;
  }

  /**
   * Restarts the agent at the right moment. One that waits already is replaced, unless it is for "now".
   *
   * @throws {PiriError} FAILED_PRECONDITION if nobody would start it again
   */
  ask(request: RestartRequest): void {
    if (this.#options.restart === undefined) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        "Cannot restart: no service manager has started this agent, so nobody would start it again",
      );
    }
    if (this.#request?.when === "now") return;
    this.cancel();
    const now = this.#options.clock.monotonic();
    this.#request = request;
    this.#end = now + (request.withinMs ?? Infinity);
    log.info(
      request.when === "now"
        ? "The agent restarts: {cause}"
        : "The agent restarts as soon as no command runs: {cause}",
      { cause: request.cause },
    );
    this.#lookLater();
  }

  /** Gives up a restart that waits. */
  cancel(): void {
    this.#timer?.cancel();
    this.#request = undefined;
    this.#quietSince = undefined;
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.timer(LOOK_MS, () => this.#look());
  }

  #look(): void {
    const request = this.#request;
    if (request === undefined) return;
    if (this.#isTime(request)) {
      this.cancel();
      this.#options.restart?.(request);
    } else if (this.#options.clock.monotonic() >= this.#end) {
      this.cancel();
      log.warning(
        "The agent does not restart: commands ran all the time that it should wait",
      );
    } else {
      this.#lookLater();
    }
  }

  #isTime({ when, commandId }: RestartRequest): boolean {
    const { clock, isBusy, isDelivering } = this.#options;
    if (when === "idle" && isBusy()) {
      this.#quietSince = undefined;
      return false;
    }
    const now = clock.monotonic();
    this.#quietSince ??= now;
    const isWaiting = when === "idle"
      ? isDelivering()
      : isDelivering(commandId);
    return !isWaiting || now - this.#quietSince >= MAX_DELIVERY_MS;
  }
}
