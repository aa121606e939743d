import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type {
  DriftRuleRecord,
  DriftRuleState,
} from "../../store/drift_records.ts";
import type { Store } from "../../store/store.ts";

const log = logger("manager", "drift");

/** Part of the store that these rules are in. */
type RuleStore = Pick<Store, "driftRules" | "setDriftRule" | "keepDriftRules">;

/**
 * Rules of drift as the database has them. A database that cannot be written for a while keeps no Manager from its
 * start, and no rules from being taken over.
 */
export class RecordedRules {
  readonly #store: RuleStore;
  /** Names of the rules that are recorded. */
  readonly #names = new Set<string>();

  constructor(store: RuleStore) {
    this.#store = store;
  }

  /** Reads all. */
  async load(): Promise<DriftRuleState[]> {
    const records = await this.#store.driftRules();
    for (const { rule } of records) this.#names.add(rule);
    return records;
  }

  /** Records a rule. Rejects as the store does. */
  async set(record: DriftRuleRecord): Promise<void> {
    await this.#store.setDriftRule(record);
    this.#names.add(record.rule);
  }

  /** Records when a rule is due, if that can be: else its time is chosen anew after a restart. */
  async due(rule: string, nextAt: number): Promise<void> {
    try {
      await this.set({ rule, nextAt, planId: null });
    } catch (error) {
      log.warning("Cannot record when the rule {rule} is due: {error}", {
        rule,
        error: messageOf(error),
      });
    }
  }

  /** Deletes all but these, if that can be: else they are deleted when rules are taken over the next time. */
  async keep(rules: readonly string[]): Promise<void> {
    const gone = [...this.#names].filter((name) => !rules.includes(name));
    if (gone.length === 0) return;
    try {
      await this.#store.keepDriftRules(rules);
      for (const name of gone) this.#names.delete(name);
    } catch (error) {
      log.warning("Cannot forget the rules that are gone: {error}", {
        error: messageOf(error),
      });
    }
  }
}
