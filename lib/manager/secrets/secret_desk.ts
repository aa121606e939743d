import { PiriError } from "../../base/errors.ts";
import { checkSecret, isGiven } from "../../base/masking/secret_text.ts";
import { hasRole } from "../../base/role.ts";
import type { Sealed } from "../../base/sealed.ts";
import type { Rights } from "../api/access_api.ts";
import type { AgentRoster } from "../agents/agent_roster.ts";
import { isFor } from "./secret_audience.ts";
import { GivenSecrets } from "./given_secrets.ts";
import { noSecret, NotForAgent } from "./not_for_agent.ts";
import type { StoredSecret, StoredSecrets } from "./stored_secrets.ts";

/** Names of the secrets that the parameters of an operation name. */
export type SecretNames = (
  operation: string,
  params: string,
) => readonly string[];

/** Parts that a desk needs. */
export interface SecretDeskOptions {
  readonly namesOf: SecretNames;
  readonly roster: Pick<AgentRoster, "get">;
  /** Secrets that the Manager keeps; none if absent. */
  readonly stored?: Pick<StoredSecrets, "find" | "macOf"> | undefined;
}

/** Work that may name secrets. */
export interface SecretWork {
  readonly operation: string;
  readonly params: string;
  /** Secrets that came with the request. */
  readonly secrets?: ReadonlyMap<string, Sealed> | undefined;
  /** Rights of who asks for it; those of an admin if absent. */
  readonly rights?: Pick<Rights, "role"> | undefined;
}

/** Decides which secrets go to which agents: those that a command names and that are for its agent. */
export class SecretDesk {
  readonly #options: SecretDeskOptions;
  readonly #given = new GivenSecrets();

  constructor(options: SecretDeskOptions) {
    this.#options = options;
  }

  /** Names of the secrets that work names. */
  namesOf({ operation, params }: SecretWork): readonly string[] {
    return this.#options.namesOf(operation, params);
  }

  /**
   * Refuses work that needs a secret which is not there, or not for one of the agents.
   *
   * @throws {PiriError} NOT_FOUND, DENIED, FAILED_PRECONDITION, INVALID_ARGUMENT; CORRUPT, DISK for the store
   */
  async check(work: SecretWork, agents: readonly string[]): Promise<void> {
    try {
      await this.#check(work, agents);
    } catch (error) {
      const { rights } = work;
      // Only admins may know of secrets that are for other agents.
      const isAdmin = rights === undefined || hasRole(rights.role, "admin");
      throw error instanceof NotForAgent && !isAdmin ? error.covered : error;
    }
  }

  async #check(work: SecretWork, agents: readonly string[]): Promise<void> {
    const { secrets = new Map<string, Sealed>() } = work;
    const names = this.namesOf(work);
    const stray = [...secrets.keys()].find((name) => !names.includes(name));
    if (stray !== undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot run "${work.operation}": its parameters do not name the secret "${stray}" that came with it`,
      );
    }
    for (const name of names) {
      if (isGiven(name)) {
        if (!secrets.has(name)) throw gone(name);
        continue;
      }
      for (const agent of agents) await this.#stored(agent, name);
    }
  }

  /** Keeps the secrets that came with the request for a job. */
  keep(job: string, { secrets }: SecretWork): void {
    if (secrets !== undefined) this.#given.keep(job, secrets);
  }

  /** Secrets that came with the request for a job; none if there are none, or not any more. */
  givenFor(job: string): ReadonlyMap<string, Sealed> | undefined {
    return this.#given.of(job);
  }

  /** Forgets the secrets of a job that has ended. */
  drop(job: string): void {
    this.#given.drop(job);
  }

  /**
   * Secret for a command of an agent.
   *
   * @throws {PiriError} NOT_FOUND, DENIED, FAILED_PRECONDITION; CORRUPT, DISK for the store
   */
  async give(
    { agent, job }: { readonly agent: string; readonly job: string },
    name: string,
  ): Promise<Sealed> {
    if (!isGiven(name)) return (await this.#stored(agent, name)).value;
    const secret = this.#given.find(job, name);
    if (secret === undefined) throw gone(name);
    return secret;
  }

  /**
   * Secret that a compiled state of an agent names.
   *
   * @throws {PiriError} FAILED_PRECONDITION if it has another value than when that was compiled; otherwise as `give`
   */
  async giveCompiled(
    agent: string,
    { name, macs }: {
      readonly name: string;
      /** Keyed hashes that the compiled state has of its value. */
      readonly macs: ReadonlySet<string>;
    },
    { isPlanned }: {
      /** True if this Manager has compiled it: then the layers of a secret say whom it is for. */
      readonly isPlanned: boolean;
    },
  ): Promise<Sealed> {
    if (isGiven(name)) throw gone(name);
    const { value } = await this.#stored(agent, name, { isPlanned });
    const mac = await this.#options.stored?.macOf(name, value);
    if ([...macs].every((each) => each === mac)) return value;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot give the secret "${name}" to agent "${agent}": it has another value than when the state was compiled; plan again`,
    );
  }

  async #stored(
    agent: string,
    name: string,
    { isPlanned = false }: { readonly isPlanned?: boolean } = {},
  ): Promise<StoredSecret> {
    const entry = this.#options.roster.get(agent);
    const groups = entry?.groups ?? [];
    const secret = await this.#options.stored?.find(name, {
      id: agent,
      groups,
    });
    if (secret === undefined) throw noSecret(name, agent);
    const { forTargets } = secret;
    if (forTargets === "" && !isPlanned) {
      throw new NotForAgent(
        name,
        agent,
        `it is for no agent yet (piri-manager secret edit ${name} --for TARGETS)`,
      );
    }
    const { setFacts = {}, connected = false } = entry ?? {};
    const asked = { id: agent, groups, setFacts, connected };
    const isForIt = forTargets === "" ||
      entry !== undefined && isFor(forTargets, asked);
    if (!isForIt) {
      throw new NotForAgent(name, agent, `it is for "${forTargets}"`);
    }
    // SOPS takes any.
    checkSecret(secret.value.open(), `the secret "${name}"`);
    return secret;
  }
}

function gone(name: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot give the secret "${name}": it came with a request, and is nowhere any more; ask again with the secret`,
  );
}
