import type { Address } from "../../base/address.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import type { Identity } from "../../base/pem.ts";
import { Guard, type GuardLimits } from "./guard.ts";

/** Time for the last bytes of answers, in milliseconds. */
const LAST_BYTES_MS = 1_000;

/** Limits of the control port. */
const LIMITS: GuardLimits = { perAddress: 200, total: 2_000 };

/** Server at a port of this machine. */
export interface InnerServer {
  readonly port: number;
  /** Accepts no more. Open answers go on. */
  leave(): void;
}

export interface ControlDoorOptions {
  readonly listen: Address;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Serves callers by TLS. `peerOf` tells their real addresses by the ports that they come from. */
  readonly serve: (
    options: {
      readonly identity: Identity;
      readonly peerOf: (port: number) => Address | undefined;
    },
  ) => InnerServer;
}

/** Port for operators on other machines, always behind a guard. */
export class ControlDoor {
  readonly #serve: (identity: Identity) => InnerServer;
  readonly #guard: Guard;
  readonly #clock: Clock;
  #inner: InnerServer;

  /** @throws {PiriError} UNAVAILABLE if it cannot listen there */
  constructor(
    { listen, identity, clock, counters, serve }: ControlDoorOptions,
  ) {
    this.#clock = clock;
    this.#guard = new Guard({
      ...LIMITS,
      hostname: listen.host,
      port: listen.port,
      innerPort: () => this.#inner.port,
      clock,
      counters,
    });
    this.#serve = (identity) =>
      serve({ identity, peerOf: (port) => this.#guard.passed(port) });
    this.#inner = this.#serve(identity);
  }

  get address(): Address {
    return this.#guard.address;
  }

  /** Shows another certificate to newcomers; established connections stay. */
  renew(identity: Identity): void {
    const before = this.#inner;
    this.#inner = this.#serve(identity);
    before.leave();
  }

  /** Stops accepting. */
  close(): Promise<void> {
    return this.#guard.close();
  }

  /** Passes on what the server has answered, and ends all connections. Called once the server has stopped. */
  async end(): Promise<void> {
    const late = new AbortController();
    await Promise.race([
      this.#guard.drained(),
      sleep(this.#clock, LAST_BYTES_MS, late.signal),
    ]);
    late.abort();
    this.#guard.end();
  }
}
