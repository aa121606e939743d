import { assertEquals, assertRejects } from "@std/assert";
import { RecordedRules } from "../../../lib/manager/drift/recorded_rules.ts";
import type {
  DriftRuleRecord,
  DriftRuleState,
} from "../../../lib/store/drift_records.ts";

/** Store of rules that can be full. */
class RuleStore {
  isFull = false;
  writes = 0;
  rules: DriftRuleState[] = [
    { rule: "old", nextAt: 1, planId: null, toldAt: null },
  ];

  driftRules(): Promise<DriftRuleState[]> {
    return Promise.resolve(this.rules);
  }

  setDriftRule(record: DriftRuleRecord): Promise<void> {
    return this.#write(() => {
      const others = this.rules.filter(({ rule }) => rule !== record.rule);
      this.rules = [...others, { ...record, toldAt: null }];
    });
  }

  keepDriftRules(names: readonly string[]): Promise<void> {
    return this.#write(() => {
      this.rules = this.rules.filter(({ rule }) => names.includes(rule));
    });
  }

  // deno-lint-ignore require-await
  async #write(task: () => void): Promise<void> {
    this.writes++;
    if (this.isFull) throw new Error("Cannot commit: the disk is full");
    task();
  }
}

async function loaded() {
  const store = new RuleStore();
  const recorded = new RecordedRules(store);
  await recorded.load();
  return { store, recorded };
}

Deno.test("rules that are gone are deleted, and nothing is written where none is gone", async () => {
  const { store, recorded } = await loaded();

  await recorded.keep(["old", "new"]);
  const writes = store.writes;
  await recorded.keep(["new"]);

  assertEquals(writes, 0);
  assertEquals(store.rules, []);
});

Deno.test("a full disk keeps no rules from being taken over, and they are recorded later", async () => {
  const { store, recorded } = await loaded();

  store.isFull = true;
  await recorded.keep(["new"]);
  await recorded.due("new", 2);
  const full = store.rules.map(({ rule }) => rule);
  store.isFull = false;
  await recorded.keep(["new"]);
  await recorded.due("new", 3);

  assertEquals(full, ["old"]);
  assertEquals(store.rules, [{
    rule: "new",
    nextAt: 3,
    planId: null,
    toldAt: null,
  }]);
});

Deno.test("a plan of a rule that cannot be recorded is not begun", async () => {
  const { store, recorded } = await loaded();
  store.isFull = true;

  await assertRejects(
    () => recorded.set({ rule: "old", nextAt: 2, planId: 5n }),
    Error,
    "the disk is full",
  );
});
