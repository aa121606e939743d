import { type Asker, NOBODY, operatorText } from "../../base/asker.ts";
import { sleep } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { isNamedIn } from "../../targets/names_in.ts";
import type { OperatorView } from "../api/access_api.ts";
import type { AgentAliases } from "../admission/agent_aliases.ts";
import { requireName } from "./agent_names.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { Commands } from "../commands.ts";
import type { ManagerParts } from "../manager_parts.ts";

/** Longest wait for the end of the agent's connection, in milliseconds. */
const LEAVING_MS = 5_000;

/** Time between two looks at whether it has ended, in milliseconds. */
const LOOK_MS = 20;

/** Most ids that an error names. */
const MAX_NAMED = 10;

/** Parts that the renaming of agents needs. */
export interface AgentRenamingOptions extends ManagerParts {
  readonly commands: Commands;
  readonly aliases: AgentAliases;
  /** Operators with their rules. */
  readonly operators: () => readonly OperatorView[];
  /** Settings that are for one agent by its name, as people know them. */
  readonly settingsOf: (agent: string) => Promise<readonly string[]>;
}

/** Other names for agents. */
export class AgentRenaming {
  readonly #options: AgentRenamingOptions;

  constructor(options: AgentRenamingOptions) {
    this.#options = options;
  }

  /**
   * Gives an agent another name. A connected one is asked to come back, by whichever name it says. Returns true if one was.
   *
   * @throws {PiriError} INVALID_ARGUMENT, NOT_FOUND; ALREADY_EXISTS if the name is used, or was; REFUSED while commands are
   * open, jobs wait for it, or rules or settings name it
   */
  rename(from: string, to: string, asker: Asker = NOBODY): Promise<boolean> {
    requireName("an agent", to);
    return this.#options.aliases.inTurn(
      from,
      () => this.#rename(from, to, asker),
    );
  }

  async #rename(from: string, to: string, asker: Asker): Promise<boolean> {
    const { commands, store, events, aliases, clock } = this.#options;
    using _closed = commands.closeTo(from);
    // All that can be wrong is told before the agent is asked to leave.
    await store.checkRename(from, to);
    this.#requireIdle(from);
    await this.#requireUnnamed(from);
    const told = await this.#disconnect(from);
    const act = { act: "RenameAgent", on: [from, to], statement: { from, to } };
    await store.renameAgent(from, to, auditEntry(act, asker, clock));
    aliases.renamed(from, to);
    events.add(
      "agent_renamed",
      `agent "${from}" was renamed to "${to}" by ${operatorText(asker)}`,
      { agent: to },
    );
    return told;
  }

  #requireIdle(agent: string): void {
    const { commands } = this.#options;
    const open = commands.of(agent).map(({ id }) => String(id));
    if (open.length > 0) {
      throw refusal(agent, `commands on it have not ended: ${listOf(open)}`);
    }
    if (commands.isBusy(agent)) {
      throw refusal(agent, "a command for it is being recorded");
    }
  }

  async #requireUnnamed(agent: string): Promise<void> {
    const { operators, settingsOf } = this.#options;
    const rules = operators().flatMap(({ rules }) => rules)
      .filter(({ onTargets }) => isNamedIn(onTargets, agent))
      .map(({ operator, number, onTargets }) =>
        `rule ${number} of ${operator} ("${onTargets}")`
      );
    const bounds = operators().filter(({ see }) => isNamedIn(see, agent))
      .map(({ name, see }) => `what ${name} sees ("${see}")`);
    const named = [...rules, ...bounds, ...await settingsOf(agent)];
    if (named.length > 0) {
      throw refusal(agent, `it is named in ${listOf(named)}`);
    }
  }

  /** Says Bye to the agent, and waits for the end of its connection. Returns false if it has none. */
  async #disconnect(agent: string): Promise<boolean> {
    const { fleet, clock } = this.#options;
    const session = fleet.session(agent);
    if (session === undefined) return false;
    session.renamed();
    const until = clock.monotonic() + LEAVING_MS;
    while (fleet.session(agent) !== undefined) {
      if (clock.monotonic() >= until) {
        throw refusal(agent, "its connection does not end");
      }
      await sleep(clock, LOOK_MS);
    }
    return true;
  }
}

function listOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  const shown = names.slice(0, MAX_NAMED).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function refusal(agent: string, fact: string): PiriError {
  return new PiriError("REFUSED", `Cannot rename agent "${agent}": ${fact}`);
}
