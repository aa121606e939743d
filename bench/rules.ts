import { decide, type RuledAgent } from "../lib/manager/access/decide.ts";
import { Rule } from "../lib/manager/access/rule.ts";
import type { OpenPair, Pair } from "./pair.ts";
import { median } from "./samples.ts";

const AGENTS = 10_000;

/** Number of rules of the operator. */
const RULES = 20;

/** Number of decisions in one measurement of single ones. */
const DECISIONS = 2_000;

/** Number of times in one measurement, of which the median counts. */
const RUNS = 15;

const PARAMS = '{"argv":["systemctl","restart","nginx"]}';
const WORK = {
  operation: "command.Run",
  params: PARAMS,
  at: 1_780_000_000_000,
};

/** Time to decide by rules if a command may run on one agent. */
export const decision: Pair = {
  name: "decision",
  unit: "us",
  goal: { most: 20 },
  ours:
    `deciding by ${RULES} rules with groups, globs, arguments and hours if a command may run on an agent (20 us is the aim)`,
  beside: "reading the parameters of that command, by JSON.parse alone",
  open(): Promise<OpenPair> {
    const rules = someRules();
    const agents = [agentAt(1)];
    return Promise.resolve({
      ours: () => timed(DECISIONS, () => decide("alice", rules, WORK, agents)),
      beside: () => timed(DECISIONS, () => JSON.parse(PARAMS)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

/** Time to decide by rules if a command may run on ten thousand agents. */
export const decision10k: Pair = {
  name: "decision-10k",
  unit: "us",
  goal: { most: 1 },
  ours:
    `deciding by the same ${RULES} rules if it may run on 10,000 agents (30 ms is the aim)`,
  beside: "reading these 10,000 agents from JSON, by JSON.parse alone",
  open(): Promise<OpenPair> {
    const rules = someRules();
    const text = JSON.stringify(allAgents());
    return Promise.resolve({
      // New agents each time, as each request makes them: nothing is kept of the last one.
      ours: () => timed(1, () => decide("alice", rules, WORK, allAgents())),
      beside: () => timed(1, () => JSON.parse(text)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

/** Rules of an operator of a large site: the last ones decide. */
function someRules(): Rule[] {
  return Array.from({ length: RULES }, (_, index) =>
    new Rule({
      operator: "alice",
      number: index + 1,
      deny: index % 5 === 0,
      onTargets: index === RULES - 1
        ? "@web ! db-*"
        : `@rack-${100 + index} ! web-${index}`,
      operations: index % 2 === 0 ? ["file.*"] : ["command.*"],
      argv: [],
      most: 0,
      trustFacts: false,
      approve: 0,
      within: index === RULES - 1 ? "Mon-Sun 00:00-24:00 Europe/Berlin" : "",
    }));
}

function allAgents(): RuledAgent[] {
  return Array.from({ length: AGENTS }, (_, index) => agentAt(index));
}

function agentAt(index: number): RuledAgent {
  const known = {
    name: `web-${String(index).padStart(5, "0")}`,
    groups: ["web", `rack-${index % 40}`],
    connected: true,
  };
  const facts = { "os.name": "debian", "memory_mb": String(index) };
  return {
    trusting: { ...known, facts: { ...facts, tier: "prod" } },
    wary: { ...known, facts: { tier: "prod" } },
  };
}

/** Median time of one of these calls, in microseconds. */
function timed(count: number, run: () => unknown): Promise<number> {
  const times = Array.from({ length: RUNS }, () => {
    const begun = performance.now();
    for (let done = 0; done < count; done++) run();
    return (performance.now() - begun) * 1_000 / count;
  });
  return Promise.resolve(median(times));
}
