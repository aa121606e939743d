import { type Asker, askerText, NOBODY } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { encodeJoinToken } from "../../base/join_token.ts";
import { logger } from "../../base/log.ts";
import { parseNetwork } from "../../base/network.ts";
import { hashSecret, newSecret } from "../../base/secret.ts";
import { protocolName } from "../../wire/dialect.ts";
import type { AgentChange, AgentRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import { type Act, auditEntry } from "../audit/audit_entry.ts";
import type { NewAudit } from "../../store/audit_records.ts";
import type { Sight } from "../api/operator_api.ts";
import { checkChange, setText } from "./agent_change.ts";
import { requireName } from "./agent_names.ts";
import type { AgentRoster } from "./agent_roster.ts";
import { AgentRenaming, type AgentRenamingOptions } from "./agent_renaming.ts";
import { AgentRemoval, type AgentRemovalOptions } from "./agent_removal.ts";
import type { Commands } from "../commands.ts";
import type { AgentSession } from "../fleet.ts";
import { knownNames } from "./known_names.ts";
import type { ManagerParts } from "../manager_parts.ts";
import { isReservedName } from "../../targets/reserved_names.ts";
import { sortNames } from "../../targets/compare_names.ts";
import { measureRoundTrips } from "../round_trips.ts";
import type { Targeting } from "../targeting.ts";
import type {
  AgentAdmin,
  AgentView,
  KnownNames,
  PingedAgent,
  PingedAgents,
  RemovedAgent,
  ResolvedTargets,
  SetAgents,
  TargetSelection,
  WantedNames,
} from "../api/operator_api.ts";

const log = logger("manager", "agents");

/** Default lifetime of a join token, in milliseconds. */
const TOKEN_MS = 24 * 3_600_000;

/** Addresses and certificate of this Manager, as join tokens carry them. */
export interface ManagerIdentity {
  /** Addresses as "host:port", tried in order. */
  readonly addresses: readonly string[];
  readonly serverName: string;
  readonly caCertificate: Uint8Array<ArrayBuffer>;
}

export interface AgentsOptions extends ManagerParts {
  readonly commands: Commands;
  readonly identity: ManagerIdentity;
  readonly roster: AgentRoster;
  readonly targeting: Targeting;
  readonly jobs: AgentRemovalOptions["jobs"];
  readonly aliases: AgentRenamingOptions["aliases"];
  readonly operators: AgentRenamingOptions["operators"];
  readonly settingsOf: AgentRenamingOptions["settingsOf"];
}

/** Entries and join tokens of the agents that may connect. */
export class Agents implements AgentAdmin {
  readonly #options: AgentsOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #removal: AgentRemoval;
  readonly #renaming: AgentRenaming;

  constructor(options: AgentsOptions) {
    this.#options = options;
    this.#removal = new AgentRemoval(options);
    this.#renaming = new AgentRenaming(options);
    this.#store = options.store;
    this.#clock = options.clock;
  }

  /** Counts the agents, and warns of names that differ only in case. Called once, before agents are admitted. */
  load(agents: readonly AgentRecord[]): void {
    this.#options.fleet.known = agents.length;
    this.#options.roster.load(agents, this.#clock);
    for (const names of twins(agents.map(({ id }) => id))) {
      log.warning(
        "The names of agents {names} differ only in upper and lower case: remove all but one, and add the others by other names",
        { names: names.map((name) => `"${name}"`).join(" and ") },
      );
    }
    const reserved = agents.map(({ id }) => id).filter(isReservedName);
    for (const name of reserved) {
      log.warning(
        "The name of agent {name} is a word of target expressions: write it in quotes there, or add the agent by another name",
        { name: `"${name}"` },
      );
    }
  }

  async list(): Promise<AgentView[]> {
    const agents = await this.#store.agents();
    return agents.map((agent) => this.#view(agent));
  }

  async add(
    { expiresInMs, ...agent }: Parameters<AgentAdmin["add"]>[0],
    asker?: Asker,
  ): Promise<string> {
    checkEntry(agent);
    const { token, ...hashed } = this.#newToken(agent.id, expiresInMs);
    await this.#add(
      { ...agent, ...hashed, addedAt: this.#clock.now() },
      asker,
    );
    return token;
  }

  async addWithSecret(
    agent: Parameters<AgentAdmin["addWithSecret"]>[0],
    asker?: Asker,
  ): Promise<void> {
    checkEntry(agent);
    await this.#add({ ...agent, addedAt: this.#clock.now() }, asker);
  }

  async #add(
    agent: Parameters<Store["addAgent"]>[0],
    asker: Asker | undefined,
  ): Promise<void> {
    const { id } = agent;
    const audit = this.#audit("AddAgent", [id], asker);
    await this.#store.addAgent(agent, audit);
    this.#options.fleet.known++;
    this.#options.events.add(
      "agent_added",
      `agent "${id}" was added${byText(asker)}`,
      { agent: id },
    );
  }

  async renewToken(
    id: string,
    expiresInMs?: number,
    asker?: Asker,
  ): Promise<string> {
    const { token, ...hashed } = this.#newToken(id, expiresInMs);
    const audit = this.#audit("RenewToken", [id], asker);
    await this.#store.setToken(id, hashed, audit);
    this.#options.events.add(
      "agent_token",
      `a new join token was made for agent "${id}"${byText(asker)}`,
      { agent: id },
    );
    return token;
  }

  async set(
    expressions: readonly string[],
    change: AgentChange,
    asker?: Asker,
  ): Promise<SetAgents> {
    checkChange(change);
    const { targeting, fleet, events } = this.#options;
    const names = await targeting.entriesOf(expressions);
    const audit = this.#audit("SetAgents", expressions, asker, {
      ...change,
      names,
    });
    const records = await this.#store.setAgents(names, change, audit);
    for (const { id, groups } of records) fleet.session(id)?.regroup(groups);
    const changed = sortNames(records.map(({ id }) => id));
    if (changed.length > 0) {
      events.add("agent_set", setText(changed, change) + byText(asker), {
        ...changed.length === 1 ? { agent: changed[0] ?? "" } : {},
      });
    }
    return { names, changed };
  }

  resolve(
    selection: TargetSelection,
    sight?: Sight,
  ): Promise<ResolvedTargets> {
    return this.#options.targeting.resolve(selection, sight);
  }

  async ping(
    selection: TargetSelection,
    timeoutMs: number,
    sight?: Sight,
  ): Promise<PingedAgents> {
    const { targeting, fleet } = this.#options;
    const { agents, ...notes } = await targeting.resolve(selection, sight);
    const sessions = agents.flatMap(({ name }) => fleet.session(name) ?? []);
    const measured = await measureRoundTrips(sessions, {
      clock: this.#clock,
      timeoutMs,
    });
    return {
      ...notes,
      agents: agents.map(({ name }) => this.#pinged(name, measured)),
    };
  }

  names(wanted: WantedNames, sight?: Sight): KnownNames {
    const { all, enrolled } = this.#options.roster.lists;
    const listed = wanted.notEnrolled ? all : enrolled;
    const seen = sight === undefined
      ? listed
      : listed.filter(({ name }) => sight.has(name));
    return knownNames(seen, wanted);
  }

  #pinged(
    name: string,
    measured: ReadonlyMap<AgentSession, number>,
  ): PingedAgent {
    const { fleet, roster, commands } = this.#options;
    const session = fleet.session(name);
    return {
      name,
      connected: session !== undefined,
      roundTripMs: session && measured.get(session),
      version: roster.get(name)?.facts["agent.version"] ?? "",
      since: session?.since ?? commands.leftAt(name) ?? undefined,
      address: session?.address ?? "",
    };
  }

  async remove(
    ...[id, options]: Parameters<AgentAdmin["remove"]>
  ): Promise<RemovedAgent> {
    const removed = await this.#removal.remove(id, options);
    this.#options.aliases.removed(id);
    return removed;
  }

  rename(...args: Parameters<AgentAdmin["rename"]>): Promise<boolean> {
    return this.#renaming.rename(...args);
  }

  revoke(id: string, asker?: Asker): Promise<RemovedAgent> {
    return this.#removal.revoke(id, asker);
  }

  #audit(
    act: string,
    on: readonly string[],
    asker: Asker | undefined,
    statement?: Act["statement"],
  ): NewAudit {
    return auditEntry(
      { act, on, ...statement === undefined ? {} : { statement } },
      asker ?? NOBODY,
      this.#clock,
    );
  }

  #newToken(
    name: string,
    expiresInMs = TOKEN_MS,
  ): { token: string; tokenHash: Uint8Array; tokenExpiresAt: number } {
    const { random, identity } = this.#options;
    const secret = newSecret(random);
    return {
      token: encodeJoinToken({ name, secret, ...identity }),
      tokenHash: hashSecret(secret),
      tokenExpiresAt: this.#clock.now() + expiresInMs,
    };
  }

  #view(agent: AgentRecord): AgentView {
    const { fleet, commands } = this.#options;
    const session = fleet.session(agent.id);
    // The end of a connection may not have been recorded.
    const leftAt = agent.connectedAt === null
      ? null
      : commands.leftAt(agent.id) ?? agent.disconnectedAt;
    return {
      id: agent.id,
      connected: session !== undefined,
      since: session?.since ?? leftAt ?? agent.connectedAt,
      address: session?.address ?? agent.address,
      version: agent.version,
      protocol: protocolName(agent.protocol),
      groups: agent.groups,
      cidrs: agent.cidrs,
      joined: agent.secretHash !== null,
      instance: session?.instance ?? agent.instance ?? "",
      facts: { ...agent.facts, ...agent.setFacts },
      setFacts: agent.setFacts,
      retired: agent.retired,
      revokedAt: agent.revokedAt,
    };
  }
}

function byText(asker: Asker | undefined): string {
  return asker === undefined ? "" : ` by ${askerText(asker)}`;
}

/** Names that differ only in case, in groups. */
function twins(names: readonly string[]): string[][] {
  const groups = Map.groupBy(names, (name) => name.toLowerCase());
  return [...groups.values()].filter(({ length }) => length > 1);
}

function checkEntry(
  { id, groups, cidrs }: Pick<AgentRecord, "id" | "groups" | "cidrs">,
): void {
  requireName("an agent", id);
  for (const group of groups) requireName("a group", group);
  for (const cidr of cidrs) parseNetwork(cidr);
}
