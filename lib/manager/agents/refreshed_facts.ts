import { messageOf } from "../../base/errors.ts";
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

/** Facts that agents collected anew: the outcomes of agent.Facts become the facts of their agents. */
export class RefreshedFacts implements CommandNews {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Takes over the outcome of a command that has ended, if it has facts. */
  ended({ agent, operation, state, data }: CommandRecord): void {
    if (state !== "succeeded") return;
    if (operation === "agent.Update") {
      this.#change(agent, withoutTrial);
      return;
    }
    if (operation !== "agent.Facts") return;
    const facts = factsIn(data ?? "");
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

/** Facts in a text of JSON; undefined for anything else, or for more than a hello may have. */
function factsIn(text: string): Record<string, string> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const facts = Object.entries(value).filter((fact): fact is [string, string] =>
    typeof fact[1] === "string" && fact[0] !== "operations"
  );
  const size = new TextEncoder().encode(facts.flat().join("")).length;
  return size > Limits.facts ? undefined : Object.fromEntries(facts);
}
