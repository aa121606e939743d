import { formatAddress } from "./base/address.ts";
import type { Timer } from "./base/clock.ts";
import { CoarseClock } from "./base/coarse_clock.ts";
import { messageOf } from "./base/errors.ts";
import { fetchPublic } from "./base/fetch_public.ts";
import { logger } from "./base/log.ts";
import { compareSettings, type Reload } from "./base/reload.ts";
import { Turns } from "./base/turns.ts";
import { VERSION } from "./base/version.ts";
import { coreSettings } from "./core_settings.ts";
import { ManagerCore } from "./manager/core.ts";
import { Blobs } from "./manager/blobs/blobs.ts";
import { createDataService } from "./manager/data/data_service.ts";
import { ManagerDoors } from "./manager_doors.ts";
import { knownOperations } from "./known_params.ts";
import { ManagerKeys } from "./manager_keys.ts";
import { settleAuthority } from "./manager/state/key_ring.ts";
import { countConnected } from "./manager/jobs/expected.ts";
import { Releases } from "./manager/releases/releases.ts";
import { SecretFiles } from "./manager/secrets/secret_files.ts";
import type { Manager, ManagerStatus } from "./manager/api/operator_api.ts";
import { postOverHttp } from "./manager/webhooks/post.ts";
import {
  MANAGER_SETTINGS,
  type ManagerConfig,
} from "./manager/state/config.ts";
import {
  loadState,
  type ManagerState,
  readConfig,
  withManagerKey,
} from "./manager/state/state_folder.ts";
import {
  blobsOf,
  describeOperations,
  secretsOf,
} from "./operations/registry.ts";
import type {
  RunningManager,
  ServeManagerOptions,
} from "./serve_manager_options.ts";
import { stateSource } from "./state_source.ts";
import type { Store } from "./store/store.ts";
import { openStoreClient } from "./store/store_client.ts";
import { updateKeys } from "./update/update_keys.ts";

export type { RunningManager, ServeManagerOptions };

const log = logger("manager");

/** Time between two deletions of old records and two checks of the certificate, in milliseconds. */
const UPKEEP_MS = 3_600_000;

const DAY_MS = 86_400_000;

/**
 * Starts the Manager of a state folder.
 *
 * @param options Folder, time, randomness and log.
 * @returns The running Manager, once agents and clients can connect. Disposing stops it.
 * @throws {PiriError} FAILED_PRECONDITION if the folder is not initialised or another Manager runs on it; DENIED if a key
 * may be read by others; UNAVAILABLE if it cannot listen; CORRUPT for a database that is too new
 */
export async function serveManager(
  options: ServeManagerOptions,
): Promise<RunningManager> {
  const state = await loadState(options.dir);
  await options.startLog?.(state.config.log);
  // Opened first: it holds the lock of the folder, so that two Managers cannot make two keys.
  const store = await openStoreClient(state.paths.database, {
    worker: options.storeWorker,
    keepCopy: options.trial?.schema,
    onUpgrade: () => options.onUpgrade?.(true),
  });
  options.onUpgrade?.(false);
  let keyed: ManagerState;
  try {
    const settled = await settleAuthority(state.paths)
      ? await loadState(options.dir)
      : state;
    keyed = await withManagerKey(settled, options.random);
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
  return await serveState(keyed, store, options);
}

/**
 * Starts the Manager of a state, wherever it is kept. Takes over the store. Rejects as `serveManager` does after it has
 * read the folder.
 */
export async function serveState(
  state: ManagerState,
  store: Store,
  options: ServeManagerOptions,
): Promise<RunningManager> {
  try {
    const core = await ServedManager.open(state, store, options);
    await core.start();
    return core;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

/** Manager with its sockets, its state folder and its upkeep. */
class ServedManager implements RunningManager {
  readonly manager: Manager;
  readonly #state: ManagerState;
  readonly #store: Store;
  readonly #blobs: Blobs;
  readonly #options: ServeManagerOptions;
  readonly #core: ManagerCore;
  readonly #doors: ManagerDoors;
  readonly #startedAt: number;
  readonly #reloads = new Turns();
  /** Settings in use. */
  #config: ManagerConfig;
  #upkeep: Timer | undefined;
  #stopped: Promise<void> | undefined;

  static async open(
    state: ManagerState,
    store: Store,
    options: ServeManagerOptions,
  ): Promise<ServedManager> {
    const blobs = await Blobs.open({
      ...options,
      dir: state.paths.blobs,
      store,
      limit: () => manager.#config.blobBytes,
      namesOf: blobsOf,
    });
    const keys = await ManagerKeys.open(state, options);
    const manager: ServedManager = new ServedManager(
      state,
      { store, blobs, keys },
      options,
    );
    return manager;
  }

  private constructor(
    state: ManagerState,
    { store, blobs, keys }: { store: Store; blobs: Blobs; keys: ManagerKeys },
    options: ServeManagerOptions,
  ) {
    const { clock, random } = options;
    const env = (name: string) => Deno.env.get(name);
    const { config, server, paths } = state;
    this.#state = state;
    this.#config = config;
    this.#store = store;
    this.#blobs = blobs;
    this.#options = options;
    this.#startedAt = clock.now();
    const secrets = new SecretFiles({
      folder: paths.secrets,
      keyFile: paths.secretsKey,
      store,
      clock,
      random,
    });
    const releases = new Releases({
      dir: paths.releases,
      blobs,
      store,
      clock,
      random,
      keys: () => updateKeys(this.#config.updateKeys ?? []),
    });
    this.#core = new ManagerCore({
      store,
      clock: new CoarseClock(clock),
      random,
      identity: {
        addresses: coreSettings(config).addresses,
        serverName: server.name,
        get caCertificate() {
          return keys.authority.certificate;
        },
      },
      proof: keys.proof,
      keys: keys.rotating(() => this.#doors),
      data: createDataService(paths),
      blobs,
      releases,
      states: stateSource(paths, secrets),
      fetchText: (url, ca) => fetchPublic(url, { ca, clock, env }),
      secretsOf,
      storedSecrets: secrets,
      brief: options.brief ?? false,
      hasHistory: options.hasHistory ?? true,
      ...coreSettings(config),
      ...knownOperations({ inMemory: state.authority !== undefined }),
      post: postOverHttp,
    });
    const { storage } = this.#core;
    this.manager = {
      agents: this.#core.agents,
      commands: this.#core.commands,
      jobs: this.#core.jobs,
      approvals: this.#core.approvals,
      plans: this.#core.plans,
      drift: this.#core.drift,
      events: this.#core.events,
      audit: this.#core.audit,
      blobs,
      releases,
      access: this.#core.access,
      enrolment: this.#core.enrolment,
      ci: this.#core.ci,
      keys: this.#core.keys,
      secrets,
      operations: describeOperations(),
      status: () => this.#status(),
      get writeFailure() {
        return storage.failure;
      },
    };
    const { manager } = this;
    this.#doors = new ManagerDoors({
      core: this.#core,
      manager,
      state,
      keys,
      options,
    });
  }

  get listen(): string {
    return this.#doors.listen;
  }

  get port(): number {
    return this.#doors.port;
  }

  get control(): string {
    return this.#doors.control;
  }

  get controlPort(): string | undefined {
    return this.#doors.controlPort;
  }

  async start(): Promise<void> {
    const { trial } = this.#options;
    const agents = trial === undefined ? 0 : await countConnected(this.#store);
    await this.#core.load();
    await trial?.opens(agents);
    await this.#doors.open();
    this.#scheduleUpkeep(0);
    this.#core.events.add(
      "manager_started",
      `piri-manager ${VERSION} started`,
    );
  }

  reload(): Promise<Reload> {
    return this.#reloads.run(() => this.#reload());
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #reload(): Promise<Reload> {
    const before = this.#config;
    const found = await readConfig(this.#state.paths);
    const { listen, guard, control, controlAdvertise } = before;
    const reload = compareSettings(MANAGER_SETTINGS, before, found);
    await this.#core.audit.reloads(reload);
    this.#config = { ...found, listen, guard, control, controlAdvertise };
    await this.#core.adopt(coreSettings(found));
    await this.#options.startLog?.(found.log);
    return reload;
  }

  async #stop(): Promise<void> {
    this.#upkeep?.cancel();
    await this.#doors.close();
    await this.#core.shutdown();
    await this.#doors.end();
    this.#core.events.add(
      "manager_stopped",
      `piri-manager ${VERSION} stopped`,
    );
    this.#core.events.close();
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
    await this.#blobs.sweep();
    if (await this.#doors.renew()) {
      const { certificateExpiresAt } = this.#doors;
      this.#core.events.add(
        "certificate_renewed",
        `the server certificate was renewed, and is good until ${
          new Date(certificateExpiresAt).toISOString()
        }`,
      );
    }
  }

  async #prune(): Promise<void> {
    const { ms, outputBytes } = this.#config.retention;
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
    const config = this.#config;
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
      blobs: this.#blobs.figures,
      certificateExpiresAt: this.#doors.certificateExpiresAt,
      counters: this.#core.counters.all(),
    };
  }
}
