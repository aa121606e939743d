import { type Clock, sleep } from "../base/clock.ts";
import { Counters } from "../base/counters.ts";
import { PiriError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Store } from "../store/store.ts";
import { type End, LEAVING_MS } from "../wire/connection.ts";
import { Later } from "../wire/later.ts";
import type { Transport } from "../wire/transport.ts";
import { Access } from "./access/access.ts";
import type { ControlPlace } from "./access/control_place.ts";
import { CiLogins } from "./access/ci_logins.ts";
import { fetchNothing } from "./access/fetch_nothing.ts";
import type { FetchText } from "./access/issuer_keys.ts";
import { AgentRoster } from "./agents/agent_roster.ts";
import { Admission } from "./admission/admission.ts";
import { AgentAliases } from "./admission/agent_aliases.ts";
import type { ManagerProof } from "./admission/challenge.ts";
import {
  busyRetryMs,
  reconnectWindowMs,
} from "./admission/reconnect_window.ts";
import { Agents, type ManagerIdentity } from "./agents/agents.ts";
import { Approvals } from "./approvals/approvals.ts";
import { AuditLog } from "./audit/audit_log.ts";
import { Checkpoints } from "./audit/checkpoints.ts";
import { withContradictions } from "./audit/contradictions.ts";
import { withBlobs } from "./blobs/blob_requests.ts";
import { withReleases } from "./releases/release_requests.ts";
import type { Releases } from "./releases/releases.ts";
import type { Blobs } from "./blobs/blobs.ts";
import { Commands } from "./commands.ts";
import { Drift } from "./drift/drift.ts";
import type { DriftRule } from "./drift/drift_rule.ts";
import type { DataService } from "./data/data_service.ts";
import { withLeaving } from "./agents/agent_leaving.ts";
import { withPolicies } from "./agents/agent_policy.ts";
import { DataRequests } from "./data_requests.ts";
import { Enrolments } from "./keys/enrolment.ts";
import { Events } from "./events/events.ts";
import { LocalFleet } from "./fleet.ts";
import { jobAgentsIn } from "./jobs/job_agents.ts";
import { Jobs } from "./jobs/jobs.ts";
import { KeyRotation } from "./keys/key_rotation.ts";
import type { StateSource } from "./api/plan_api.ts";
import { PlanWork } from "./plans/plan_work.ts";
import { Plans } from "./plans/plans.ts";
import { blobsOfPlan, withSheets } from "./plans/sheet_requests.ts";
import { RefreshedFacts } from "./agents/refreshed_facts.ts";
import type { RotatingKeys } from "./keys/rotating_keys.ts";
import { SecretDesk, type SecretNames } from "./secrets/secret_desk.ts";
import { withSecrets } from "./secrets/secret_requests.ts";
import { SheetSecrets } from "./secrets/sheet_secrets.ts";
import type { StoredSecrets } from "./secrets/stored_secrets.ts";
import { ManagerSession } from "./session.ts";
import { StorageHealth } from "./storage_health.ts";
import { Targeting } from "./targeting.ts";
import type { Post } from "./webhooks/post.ts";
import type { Webhook } from "./webhooks/webhook.ts";
import { Webhooks } from "./webhooks/webhooks.ts";

const log = logger("manager");

/** Time after which the agents of a stopping Manager are asked to come back, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

const NO_POST: Post = () =>
  Promise.reject(
    new PiriError("UNAVAILABLE", "Cannot post a message: there is no network"),
  );

export interface ManagerCoreOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly identity: ManagerIdentity;
  readonly data: DataService;
  /** Large inputs of commands; none if absent. */
  readonly blobs?: Blobs;
  /** Releases for agents; none if absent. */
  readonly releases?: Pick<Releases, "read">;
  /** States of hosts; none if absent. */
  readonly states?: StateSource | undefined;
  /** Names of the secrets that parameters name; none if absent. */
  readonly secretsOf?: SecretNames;
  /** Secrets that the Manager keeps; none if absent. */
  readonly storedSecrets?: StoredSecrets | undefined;
  /** Interval of pings to agents, in milliseconds. */
  readonly pingIntervalMs: number;
  /** Most bytes of output that are kept of one command: a quarter for the beginning and the end of each stream. */
  readonly keepBytes: bigint;
  /** Names of the operations by which anything can be run on a host. */
  readonly unlimitedOperations: readonly string[];
  /** Throws INVALID_ARGUMENT for parameters that do not fit a known operation. */
  readonly checkParams: (operation: string, params: string) => void;
  /** Sends the messages of webhooks; without it, none is sent. */
  readonly post?: Post;
  /** Places that are told of events; none if absent. */
  readonly webhooks?: readonly Webhook[];
  /** Rules of drift; none if absent. */
  readonly drift?: readonly DriftRule[];
  /** Most hellos that are handled at the same time; MAX_HELLOS by default. */
  readonly maxHellos?: number;
  /** Key of this Manager. Without one, agents are admitted by their secrets only. */
  readonly proof?: ManagerProof | undefined;
  /** Keys that agents trust, if they can be rotated. */
  readonly keys?: RotatingKeys | undefined;
  /** Fetches the keys of issuers; none can be fetched if absent. */
  readonly fetchText?: FetchText;
  /** True for a Manager that goes away soon, and whose next start is at an unknown time. */
  readonly brief?: boolean;
  /** False for a Manager whose audit begins anew at each start, so that agents cannot be its witnesses. */
  readonly hasHistory?: boolean;
  /** Timer of deferred messages. */
  readonly later?: Later;
}

/** Settings of a Manager that can be changed while it runs. */
export interface CoreSettings extends
  Pick<
    ManagerCoreOptions,
    "pingIntervalMs" | "keepBytes" | "webhooks" | "drift"
  > {
  /** Addresses in new join tokens, "host:port". */
  readonly addresses: readonly string[];
}

/** A Manager without sockets. Its caller hands in connections and the calls of operators. */
export class ManagerCore {
  readonly counters = new Counters();
  readonly fleet = new LocalFleet();
  readonly roster = new AgentRoster(this.fleet);
  readonly events: Events;
  readonly storage: StorageHealth;
  readonly commands: Commands;
  readonly jobs: Jobs;
  readonly approvals: Approvals;
  readonly plans: Plans;
  readonly drift: Drift;
  readonly agents: Agents;
  readonly access: Access;
  readonly enrolment: Enrolments;
  readonly ci: CiLogins;
  readonly keys: KeyRotation;
  readonly audit: AuditLog;
  readonly #options: ManagerCoreOptions;
  readonly #checkpoints: Checkpoints;
  readonly #admission: Admission;
  readonly #aliases: AgentAliases;
  readonly #data: DataRequests;
  readonly #later: Later;
  readonly #webhooks: Webhooks;
  readonly #sessions = new Map<ManagerSession, Promise<unknown>>();
  #settings: CoreSettings;
  #controlPlace: ControlPlace | undefined;

  constructor(options: ManagerCoreOptions) {
    this.#options = options;
    this.#settings = { ...options, addresses: options.identity.addresses };
    this.#later = options.later ?? new Later(options.clock);
    const { clock } = options;
    const storage = new StorageHealth(clock);
    const { counters, fleet, roster } = this;
    const webhooks = new Webhooks({
      post: NO_POST,
      ...options,
      counters,
      roster,
    });
    const store = webhooks.watch(roster.watch(storage.watch(options.store)));
    this.#webhooks = webhooks;
    this.storage = storage;
    this.events = new Events(store, clock);
    const { events } = this;
    const key = () =>
      options.hasHistory === false ? undefined : options.proof?.key;
    this.audit = new AuditLog({ store, clock, key });
    const checkpoints = new Checkpoints({ store, clock, key });
    this.#checkpoints = checkpoints;
    storage.tellBy(events);
    webhooks.use({ store, events });
    const settings = () => this.#settings;
    const parts = {
      ...options,
      store,
      storage,
      counters,
      events,
      fleet,
      denied: this.audit.denied.bind(this.audit),
      keepBytes: () => this.#settings.keepBytes,
      pingIntervalMs: () => this.#settings.pingIntervalMs,
      identity: {
        ...options.identity,
        get addresses() {
          return settings().addresses;
        },
        get caCertificate() {
          return options.identity.caCertificate;
        },
      },
    };
    const secrets = new SecretDesk({
      roster,
      namesOf: options.secretsOf ?? (() => []),
      stored: options.storedSecrets,
    });
    const sheets = options.blobs === undefined
      ? undefined
      : new SheetSecrets({ store, blobs: options.blobs, desk: secrets });
    const commands = new Commands({ ...parts, secrets });
    this.commands = commands;
    commands.tellTo(new RefreshedFacts(store));
    this.keys = new KeyRotation({ ...parts, keys: options.keys, commands });
    const targeting = new Targeting({
      ...parts,
      roster,
      jobAgents: jobAgentsIn(store),
    });
    this.access = new Access({
      ...parts,
      roster,
      targeting,
      place: () => this.#controlPlace,
    });
    const { access } = this;
    this.ci = new CiLogins({ fetchText: fetchNothing, ...parts, access });
    const jobs = new Jobs({
      ...parts,
      commands,
      secrets,
      targeting,
      refusal: ({ requestedBy: name, tokenId, approvedBy, ...work }, agent) =>
        tokenId === null ? undefined : this.access.rights.refusal(
          { name, tokenId, approvals: approvedBy.length },
          work,
          agent,
        ),
    });
    this.jobs = jobs;
    const work = new PlanWork({ store, clock, sheets });
    this.approvals = new Approvals({
      ...parts,
      jobs,
      secrets,
      plans: work,
      rightsOf: (asker) => access.rights.of(asker),
    });
    this.plans = new Plans({ ...parts, jobs, approvals: this.approvals, work });
    this.drift = new Drift({ ...parts, jobs, targeting, plans: this.plans });
    const aliases = new AgentAliases();
    this.#aliases = aliases;
    const shared = {
      ...parts,
      commands,
      jobs: jobs.effects,
      aliases,
      operators: () => access.list(),
      driftRules: () => this.#settings.drift ?? [],
      settingsOf: async (agent: string) =>
        await options.data.settingsOf?.(agent) ?? [],
    };
    this.agents = new Agents({ ...shared, roster, targeting });
    this.audit.askBy({ jobs, commands, random: options.random });
    this.#admission = new Admission({
      ...shared,
      checkpoint: () => checkpoints.newest,
    });
    const { proof } = options;
    this.enrolment = new Enrolments({
      ...parts,
      managerKey: () => proof?.key.publicKey,
    });
    const { blobs, releases } = options;
    const commandsOf = (agent: string) => commands.of(agent);
    const data = releases === undefined
      ? options.data
      : withReleases(options.data, { releases, counters, commandsOf });
    const withLarge = blobs === undefined ? data : withBlobs(
      withSheets(data, { store, clock, commandsOf, secrets: sheets }),
      {
        blobs,
        counters,
        commandsOf,
        moreOf: (command) => blobsOfPlan(command, store),
      },
    );
    this.#data = new DataRequests(
      withContradictions(
        withPolicies(
          withLeaving(
            withSecrets(withLarge, {
              desk: secrets,
              sheets,
              counters,
              commandsOf,
            }),
            { store, events },
          ),
          { store, events },
        ),
        { events, clock },
      ),
      counters,
    );
  }

  /** All connections, including those before their hello. */
  get sessions(): Iterable<ManagerSession> {
    return this.#sessions.keys();
  }

  /** Number of hellos that are being handled. */
  get hellosInFlight(): number {
    return this.#admission.inFlight;
  }

  /** Loads the commands that an earlier run left open. Called once, before the first connection. */
  async load(): Promise<void> {
    const agents = await this.#options.store.agents();
    this.agents.load(agents);
    this.#aliases.load(await this.#options.store.agentAliases());
    await this.#checkpoints.load();
    await this.access.load();
    await this.ci.load();
    await this.commands.load(agents);
    await this.#webhooks.load(agents, this.#settings.webhooks ?? []);
    await this.approvals.load();
    await this.jobs.effects.load(agents, reconnectWindowMs(agents.length));
    await this.drift.load(this.#settings.drift ?? []);
  }

  /** Names the control port, once it is open, to operators who log in. */
  offerControl(place: ControlPlace): void {
    this.#controlPlace = place;
  }

  /** Takes settings over. A connection keeps the ping interval that it began with. */
  async adopt(settings: CoreSettings): Promise<void> {
    this.#settings = settings;
    await this.#webhooks.adopt(settings.webhooks ?? []);
    await this.drift.adopt(settings.drift ?? []);
  }

  /**
   * Serves an established connection to its end, beside all others. Resolves to that end, or to undefined after a bug.
   * Never rejects.
   */
  serve(transport: Transport): Promise<End | undefined> {
    const session = new ManagerSession(transport, {
      admission: this.#admission,
      commands: this.commands,
      jobs: {
        agentChanged: (agent) => {
          void this.keys.agentReady(agent);
          return this.jobs.effects.agentChanged(agent);
        },
      },
      data: this.#data,
      clock: this.#options.clock,
      counters: this.counters,
      later: this.#later,
      pingIntervalMs: this.#settings.pingIntervalMs,
    });
    const served = session.run()
      .catch((error) => {
        log.error("A session ended in an error: {error}", { error });
        return undefined;
      })
      .finally(() => this.#sessions.delete(session));
    this.#sessions.set(session, served);
    return served;
  }

  /** Refuses new commands, says Bye to all agents, and waits until they have disconnected, for at most 3 s. */
  async shutdown(): Promise<void> {
    this.drift.stop();
    this.commands.stop();
    this.jobs.effects.stop();
    this.storage.close();
    this.access.stop();
    this.approvals.stop();
    this.#admission.close();
    const retryAfterMs = this.#options.brief
      ? busyRetryMs(this.#admission.windowMs)
      : RETRY_AFTER_MS;
    for (const session of this.#sessions.keys()) {
      session.shutdown(retryAfterMs);
    }
    const late = new AbortController();
    await Promise.race([
      Promise.all(this.#sessions.values()),
      sleep(this.#options.clock, LEAVING_MS + 1_000, late.signal),
    ]);
    late.abort();
    await this.#webhooks.close();
    await this.audit.close();
    await this.#checkpoints.close();
  }
}
