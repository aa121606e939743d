import type { Address } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import type { Transport } from "../../wire/transport.ts";
import type { CertifiedIdentity, Door } from "./door.ts";
import { Guard, type GuardLimits } from "./guard.ts";
import { Listener } from "./listener.ts";

export interface DoorOptions {
  readonly listen: Address;
  readonly identity: CertifiedIdentity;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Limits of a guard before the listener; undefined for no guard. */
  readonly limits: GuardLimits | undefined;
  /** Takes a connection whose handshake is done. */
  readonly serve: (transport: Transport) => void;
}

/**
 * Opens the door that agents come by: a TLS listener, behind a guard if there are limits.
 *
 * @throws {PiriError} UNAVAILABLE if it cannot listen there.
 */
export async function openDoor(options: DoorOptions): Promise<Door> {
  if (options.limits !== undefined) {
    return await openGuarded(options, options.limits);
  }
  return newListener(options.listen, options);
}

function newListener(
  { host, port }: Address,
  { identity, clock, counters, serve }: DoorOptions,
): Listener {
  return new Listener({
    hostname: host,
    port,
    ...identity,
    clock,
    counters,
    serve,
  });
}

async function openGuarded(
  options: DoorOptions,
  limits: GuardLimits,
): Promise<Door> {
  const { listen: { host, port }, clock, counters, serve } = options;
  const listener = newListener({ host: "127.0.0.1", port: 0 }, {
    ...options,
    serve: (transport) => {
      const admitted = guard.admit(transport);
      if (admitted === undefined) transport.close();
      else serve(admitted);
    },
  });
  let guard: Guard;
  try {
    guard = new Guard({
      ...limits,
      hostname: host,
      port,
      innerPort: () => listener.port,
      clock,
      counters,
    });
  } catch (error) {
    await listener.close();
    throw error;
  }
  return new GuardedDoor(guard, listener);
}

/** A guard and the listener behind it. */
class GuardedDoor implements Door {
  readonly #guard: Guard;
  readonly #listener: Listener;

  constructor(guard: Guard, listener: Listener) {
    this.#guard = guard;
    this.#listener = listener;
  }

  get address(): Address {
    return this.#guard.address;
  }

  get port(): number {
    return this.#guard.port;
  }

  renew(identity: CertifiedIdentity): Promise<void> {
    return this.#listener.renew(identity);
  }

  async close(): Promise<void> {
    await this.#guard.close();
    await this.#listener.close();
  }

  end(): void {
    this.#guard.end();
  }
}
