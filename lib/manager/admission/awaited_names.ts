import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { isNamedIn } from "../../targets/names_in.ts";
import type { OperatorView } from "../api/access_api.ts";
import type { StateSource } from "../api/plan_api.ts";
import { type DriftRule, driftRuleName } from "../drift/drift_rule.ts";
import type { StoredSecrets } from "../secrets/stored_secrets.ts";

const log = logger("manager", "admission");

/** Places that can name an agent which is not there yet. */
export interface NamingParts {
  /** Operators with their rules. */
  readonly operators: () => readonly OperatorView[];
  /** Settings that are for one agent by its name, as people know them. */
  readonly settingsOf: (agent: string) => Promise<readonly string[]>;
  readonly driftRules: () => readonly DriftRule[];
  /** States of hosts; none if absent. */
  readonly states?: Pick<StateSource, "placesOf"> | undefined;
  /** Secrets that the Manager keeps; none if absent. */
  readonly storedSecrets?: Pick<StoredSecrets, "nameFor"> | undefined;
}

/**
 * Tells what names an agent literally, and so waits for a host of that name: "the rule alice#2 names it". Undefined for
 * nothing. What cannot be read could name it.
 */
export async function namedBy(
  agent: string,
  parts: NamingParts,
): Promise<string | undefined> {
  try {
    return targetNaming(agent, parts) ?? await contentFor(agent, parts);
  } catch (error) {
    log.warning('Cannot tell what is for agent "{agent}": {error}', {
      agent,
      error: messageOf(error),
    });
    return "the Manager cannot read what is for it";
  }
}

/** Rule or bound with targets that name an agent. */
function targetNaming(
  agent: string,
  { operators, driftRules }: NamingParts,
): string | undefined {
  const rule = operators().flatMap(({ rules }) => rules)
    .find(({ onTargets }) => isNamedIn(onTargets, agent));
  if (rule !== undefined) {
    return `the rule ${rule.operator}#${rule.number} names it`;
  }
  const bound = operators().find(({ see }) => isNamedIn(see, agent));
  if (bound !== undefined) return `what ${bound.name} sees names it`;
  const drift = driftRules().find(({ agents }) => isNamedIn(agents, agent));
  return drift && `the drift rule "${driftRuleName(drift)}" names it`;
}

/** File or secret of the Manager that is for an agent. */
async function contentFor(
  agent: string,
  { settingsOf, states, storedSecrets }: NamingParts,
): Promise<string | undefined> {
  const [file] = [
    ...await settingsOf(agent),
    ...await states?.placesOf(agent) ?? [],
  ];
  if (file !== undefined) return `${file} is for it`;
  const secret = await storedSecrets?.nameFor(agent);
  return secret && `the secret "${secret}" is for it`;
}
