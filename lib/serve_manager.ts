import { type ControlServer, serveControl } from "./api/server.ts";
import { formatAddress } from "./base/address.ts";
import type { Clock, Timer } from "./base/clock.ts";
import { CoarseClock } from "./base/coarse_clock.ts";
import { messageOf } from "./base/errors.ts";
import { logger, type LogOptions } from "./base/log.ts";
import type { Random } from "./base/random.ts";
import { VERSION } from "./base/version.ts";
import { ManagerCore } from "./manager/core.ts";
import { createDataService } from "./manager/data/data_service.ts";
import { Guard, GUARD_LIMITS, type GuardLimits } from "./manager/door/guard.ts";
import { Listener } from "./manager/door/listener.ts";
import type { Manager, ManagerStatus } from "./manager/operator_api.ts";
import {
  loadState,
  type ManagerState,
  renewServerIdentity,
} from "./manager/state/state_folder.ts";
import { checkParams } from "./operations/params.ts";
import { describeOperations, operations } from "./operations/registry.ts";
import type { Store } from "./store/store.ts";
import type { Transport } from "./wire/transport.ts";
import { openStoreClient } from "./store/store_client.ts";

const log = logger("manager");

/** How often old records are deleted and the certificate is looked at, milliseconds. */
const UPKEEP_MS = 3_600_000;

const DAY_MS = 86_400_000;

/** What a running Manager needs. */
export interface ServeManagerOptions {
  /** The state folder; `init` has made it. */
  readonly dir: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Starts the log as config.yaml has it, before anything is logged. */
  readonly startLog?: (configured: LogOptions) => Promise<void>;
  /** Whether a plain-TCP front takes the connections, also if config.yaml does not ask for one. */
  readonly guard?: boolean;
}

/** A running Manager. */
export interface RunningManager extends AsyncDisposable {
  /** Where agents connect to, "host:port", with the port that was chosen. */
  readonly listen: string;
  readonly port: number;
  /** Where the control API is: a socket's path or a URL. */
  readonly control: string;
  readonly manager: Manager;
  /** Tells agents to come back, answers clients to the end, and closes the database. */
  stop(): Promise<void>;
}

/**
 * Starts the Manager of a state folder.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the folder is not initialised or another Manager runs on it; DENIED if a key
 * may be read by others; UNAVAILABLE if it cannot listen; CORRUPT for a database that is too new
 */
export async function serveManager(
  options: ServeManagerOptions,
): Promise<RunningManager> {
  const state = await loadState(options.dir);
  await options.startLog?.(state.config.log);
  const store = await openStoreClient(state.paths.database);
  try {
    const core = new ServedManager(state, store, options);
    await core.start();
    return core;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

/** Checks parameters early where the operation is one of ours; an agent of another build may have others. */
function checkKnownParams(name: string, params: string): void {
  const operation = operations.find((each) => each.name === name);
  if (operation !== undefined) checkParams(operation, params);
}

/** A Manager with its sockets, its state folder and its upkeep. */
class ServedManager implements RunningManager {
  readonly manager: Manager;
  readonly #state: ManagerState;
  readonly #store: Store;
  readonly #options: ServeManagerOptions;
  readonly #core: ManagerCore;
  readonly #startedAt: number;
  #certificateExpiresAt: number;
  #listener: Listener | undefined;
  #guard: Guard | undefined;
  #control: ControlServer | undefined;
  #upkeep: Timer | undefined;
  #stopped: Promise<void> | undefined;

  constructor(state: ManagerState, store: Store, options: ServeManagerOptions) {
    const { clock, random } = options;
    const { config, caCertificate, server, paths } = state;
    this.#state = state;
    this.#store = store;
    this.#options = options;
    this.#startedAt = clock.now();
    this.#certificateExpiresAt = server.expiresAt;
    this.#core = new ManagerCore({
      store,
      clock: new CoarseClock(clock),
      random,
      identity: {
        addresses: [formatAddress(config.advertise)],
        serverName: server.name,
        caCertificate,
      },
      data: createDataService(paths),
      pingIntervalMs: config.pingIntervalMs,
      keepBytes: BigInt(config.outputBytesPerCommand),
      checkParams: checkKnownParams,
    });
    this.manager = {
      agents: this.#core.agents,
      commands: this.#core.commands,
      events: this.#core.events,
      operations: describeOperations(),
      status: () => this.#status(),
    };
  }

  get listen(): string {
    return (this.#guard ?? this.#listener)?.address ?? "";
  }

  get port(): number {
    return (this.#guard ?? this.#listener)?.port ?? 0;
  }

  get control(): string {
    return this.#control?.address ?? "";
  }

  async start(): Promise<void> {
    const { clock, random, dir } = this.#options;
    await this.#core.load();
    const renewed = await renewServerIdentity(this.#state, { clock, random });
    const identity = renewed ?? this.#state.server;
    this.#certificateExpiresAt = identity.expiresAt;
    const { config } = this.#state;
    const limits = config.guard ??
      (this.#options.guard ? GUARD_LIMITS : undefined);
    this.#listener = new Listener({
      hostname: limits === undefined ? config.listen.host : "127.0.0.1",
      port: limits === undefined ? config.listen.port : 0,
      certPem: identity.certPem,
      keyPem: identity.keyPem,
      clock,
      counters: this.#core.counters,
      serve: (transport) => this.#admit(transport),
    });
    try {
      this.#guard = this.#newGuard(limits, this.#listener);
      this.#control = await serveControl({
        manager: this.manager,
        stateDir: dir,
        random,
      });
    } catch (error) {
      await this.#guard?.close();
      await this.#listener.close();
      throw error;
    }
    this.#scheduleUpkeep(0);
    this.#core.events.add(
      "manager_started",
      `piri-manager ${VERSION} started`,
    );
  }

  #newGuard(
    limits: GuardLimits | undefined,
    listener: Listener,
  ): Guard | undefined {
    if (limits === undefined) return undefined;
    const { host, port } = this.#state.config.listen;
    return new Guard({
      ...limits,
      hostname: host,
      port,
      innerPort: () => listener.port,
      clock: this.#options.clock,
      counters: this.#core.counters,
    });
  }

  /** Takes a connection whose handshake is done; behind a guard, only what came by it. */
  #admit(transport: Transport): void {
    if (this.#guard === undefined) return void this.#core.serve(transport);
    const admitted = this.#guard.admit(transport);
    if (admitted === undefined) transport.close();
    else this.#core.serve(admitted);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.#upkeep?.cancel();
    await this.#guard?.close();
    await this.#listener?.close();
    await this.#core.shutdown();
    this.#guard?.end();
    await this.#control?.close();
    this.#core.events.add(
      "manager_stopped",
      `piri-manager ${VERSION} stopped`,
    );
    await this.#store[Symbol.asyncDispose]();
  }

  #scheduleUpkeep(ms: number): void {
    this.#upkeep = this.#options.clock.timer(ms, () => {
      this.#keepUp()
        .catch((error) =>
          log.error("Upkeep failed: {error}", { error: messageOf(error) })
        )
        .finally(() => {
          if (this.#stopped === undefined) this.#scheduleUpkeep(UPKEEP_MS);
        });
    });
  }

  async #keepUp(): Promise<void> {
    await this.#prune();
    await this.#renewCertificate();
  }

  /** Live connections stay; new ones get the new certificate. */
  async #renewCertificate(): Promise<void> {
    const { clock, random } = this.#options;
    const renewed = await renewServerIdentity(this.#state, { clock, random });
    if (renewed === undefined) return;
    await this.#listener?.renew(renewed);
    this.#certificateExpiresAt = renewed.expiresAt;
    log.info("The server certificate was renewed");
  }

  async #prune(): Promise<void> {
    const { ms, outputBytes } = this.#state.config.retention;
    const pruned = await this.#store.prune({
      before: this.#options.clock.now() - ms,
      outputBytes: BigInt(outputBytes),
    });
    if (pruned.commands + pruned.events > 0 || pruned.outputBytes > 0n) {
      log.info(
        "Deleted {commands} commands, {events} events, {outputBytes} bytes of output",
        pruned,
      );
    }
  }

  async #status(): Promise<ManagerStatus> {
    const { config } = this.#state;
    const stats = await this.#store.stats();
    return {
      version: VERSION,
      managerId: this.#store.managerId,
      startedAt: this.#startedAt,
      listen: this.listen,
      advertise: formatAddress(config.advertise),
      agentsConnected: this.#core.fleet.size,
      agentsKnown: stats.agents,
      commandsOpen: this.#core.commands.openCount,
      commandsTotal: stats.commandsTotal,
      outputBytes: stats.outputBytes,
      databaseBytes: stats.databaseBytes,
      retention: {
        days: config.retention.ms / DAY_MS,
        outputBytes: BigInt(config.retention.outputBytes),
        outputBytesPerCommand: BigInt(config.outputBytesPerCommand),
      },
      certificateExpiresAt: this.#certificateExpiresAt,
      counters: this.#core.counters.all(),
    };
  }
}
