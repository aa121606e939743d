import { messageOf } from "../../base/errors.ts";
import { isObject, jsonObject } from "../../base/json_object.ts";
import { Limits } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import {
  installationAmong,
  isOfInstallation,
  withoutTrial,
} from "./agent_installation.ts";
import { policyAmong, withPolicy } from "./agent_policy.ts";
import type { CommandNews } from "../command/open_commands.ts";

type Facts = Readonly<Record<string, string>>;

const log = logger("manager", "facts");

/** Operations that run states: they tell the facts of the host if they refuse for other ones. */
const STATE_RUNS: ReadonlySet<string> = new Set(["state.Plan", "state.Apply"]);

/**
 * Facts that agents collected anew: the outcomes of agent.Facts become the facts of their agents, and those with which
 * an agent has refused a state that was compiled with others.
 */
export class RefreshedFacts implements CommandNews {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Takes over the outcome of a command that has ended, if it has facts. */
  ended({ agent, operation, state, data }: CommandRecord): void {
    const text = data ?? "";
    if (state === "failed" && STATE_RUNS.has(operation)) {
      const moved = jsonObject(text)?.["facts"];
      if (moved !== undefined) this.#take(agent, factsIn(moved));
      return;
    }
    if (state !== "succeeded") return;
    if (operation === "agent.Update") this.#change(agent, withoutTrial);
    if (operation === "agent.Facts") {
      this.#take(agent, factsIn(jsonObject(text)));
    }
  }

  #take(agent: string, facts: Facts | undefined): void {
    if (facts === undefined) {
      log.warning("The facts of {agent} are none: they stay as they were", {
        agent,
      });
      return;
    }
    this.#change(agent, (before) => refreshed(before, facts));
  }

  #change(agent: string, change: (before: Facts) => Facts): void {
    this.#keep(agent, change).catch((error) =>
      log.warning("Cannot keep the facts of {agent}: {error}", {
        agent,
        error: messageOf(error),
      })
    );
  }

  async #keep(agent: string, change: (before: Facts) => Facts): Promise<void> {
    const before = await this.#store.agent(agent);
    await this.#store.setHostFacts(agent, change(before?.facts ?? {}));
  }
}

/** Facts that were collected anew, with those that only the agent itself tells: its operations, policy and place. */
function refreshed({ operations, ...others }: Facts, facts: Facts): Facts {
  const own = Object.entries(facts)
    .filter(([name]) => !isOfInstallation(name));
  const all = {
    ...operations === undefined ? {} : { operations },
    ...Object.fromEntries(own),
    ...installationAmong(others),
  };
  return withPolicy(all, policyAmong(others));
}

/** Facts of an object; undefined for anything else, or for more than a hello may have. */
function factsIn(value: unknown): Record<string, string> | undefined {
  if (!isObject(value)) return undefined;
  const facts = Object.entries(value).filter((fact): fact is [string, string] =>
    typeof fact[1] === "string" && fact[0] !== "operations"
  );
  const size = new TextEncoder().encode(facts.flat().join("")).length;
  return size > Limits.facts ? undefined : Object.fromEntries(facts);
}
