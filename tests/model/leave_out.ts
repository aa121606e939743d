import { PiriError } from "../../lib/base/errors.ts";
import { QUICK } from "./configurations.ts";
import { RULE_NAMES, type RuleName, RULES } from "./rules.ts";
import { type Found, search } from "./search.ts";

/**
 * Searches with all rules but one, in the configuration that needs it.
 *
 * @throws {PiriError} INTERNAL if the rule names a configuration that does not exist
 */
export function searchWithout(left: RuleName): Found {
  const { where } = RULES[left];
  const configuration = QUICK.find(({ name }) => name === where);
  if (configuration === undefined) {
    throw new PiriError(
      "INTERNAL",
      `Cannot search without "${left}": there is no configuration "${where}"`,
    );
  }
  const { bounds, invariants } = configuration;
  const rules = new Set(RULE_NAMES.filter((name) => name !== left));
  return search({ bounds, rules }, invariants);
}
