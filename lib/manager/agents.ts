import { type Asker, askerText } from "../base/asker.ts";
import type { Clock } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { encodeJoinToken } from "../base/join_token.ts";
import { NAME_PATTERN } from "../base/limits.ts";
import { hashSecret, newSecret } from "../base/secret.ts";
import type { AgentRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { parseNetwork } from "./admission/network.ts";
import type { Commands } from "./commands.ts";
import type { ManagerParts } from "./manager_parts.ts";
import type { AgentAdmin, AgentView } from "./operator_api.ts";

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
}

/** Entries and join tokens of the agents that may connect. */
export class Agents implements AgentAdmin {
  readonly #options: AgentsOptions;
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(options: AgentsOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
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
    await this.#store.addAgent(agent);
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
    await this.#store.setToken(id, hashed);
    this.#options.events.add(
      "agent_token",
      `a new join token was made for agent "${id}"${byText(asker)}`,
      { agent: id },
    );
    return token;
  }

  async remove(id: string, asker?: Asker): Promise<void> {
    const { commands, fleet, events } = this.#options;
    const change = commands.effects.agentRemoved(id);
    try {
      await this.#store.removeAgent(id, change.patches);
    } catch (error) {
      change.takeBack();
      throw error;
    }
    fleet.session(id)?.removed();
    change.recorded();
    events.add(
      "agent_removed",
      `agent "${id}" was removed${byText(asker)}`,
      { agent: id },
    );
    await this.#loseLateCommands(id);
  }

  /** Ends the commands that were requested while the removal was recorded. */
  async #loseLateCommands(id: string): Promise<void> {
    const change = this.#options.commands.effects.agentRemoved(id);
    try {
      await Promise.all(
        change.patches.map((patch) => this.#store.patchCommand(patch)),
      );
      change.recorded();
    } catch (error) {
      change.takeBack();
      throw error;
    }
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
    const session = this.#options.fleet.session(agent.id);
    return {
      id: agent.id,
      connected: session !== undefined,
      since: session?.since ?? agent.disconnectedAt ?? agent.connectedAt,
      address: session?.address ?? agent.address,
      version: agent.version,
      protocol: PROTOCOL_NAMES.get(agent.protocol) ?? String(agent.protocol),
      groups: agent.groups,
      cidrs: agent.cidrs,
      joined: agent.secretHash !== null,
      instance: session?.instance ?? agent.instance ?? "",
      facts: agent.facts,
    };
  }
}

function byText(asker: Asker | undefined): string {
  return asker === undefined ? "" : ` by ${askerText(asker)}`;
}

/** Shown names of protocols that are not shown as their number. */
const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [0, ""],
  [1, "2024"],
]);

function checkEntry(
  { id, groups, cidrs }: Pick<AgentRecord, "id" | "groups" | "cidrs">,
): void {
  requireName("an agent", id);
  for (const group of groups) requireName("a group", group);
  for (const cidr of cidrs) parseNetwork(cidr);
}

function requireName(kind: string, name: string): void {
  if (NAME_PATTERN.test(name)) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "${
      name.slice(0, 100)
    }" as the name of ${kind}: it may have 1 to 100 letters, digits, dots, hyphens and underscores, and begins and ends with a letter or digit`,
  );
}
