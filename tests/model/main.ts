/**
 * Searches a model of the protocol for forbidden states, and shows that each rule is needed: without it, the search
 * finds a shortest way to such a state. `state.ts` has the model, `rules.ts` the rules, `invariants.ts` the conditions
 * that must hold.
 *
 *     deno task model [--quick]
 *     deno task model --without late-lost        how it goes wrong without that rule
 *
 * @module
 */
import { oneOf, readFlags } from "../../scripts/build/flags.ts";
import { main } from "../../scripts/build/main.ts";
import { type Configuration, FULL, QUICK } from "./configurations.ts";
import { INVARIANTS } from "./invariants.ts";
import { searchWithout } from "./leave_out.ts";
import { RULE_NAMES, type RuleName, RULES } from "./rules.ts";
import { type Found, search } from "./search.ts";
import { SURVIVAL_INVARIANTS } from "./survival/invariants.ts";
import {
  SURVIVAL_RULE_NAMES,
  SURVIVAL_RULES,
  type SurvivalRuleName,
} from "./survival/rules.ts";
import { searchSurvival, searchSurvivalWithout } from "./survival/search.ts";

const USAGE = `\
Usage: deno task model [--quick]
       deno task model --without RULE

The first form searches all configurations, then leaves each rule out in turn.
--quick takes small configurations only. RULE is one of:

${listOf(RULES)}

or, of programs that outlive their agent:

${listOf(SURVIVAL_RULES)}`;

function listOf(rules: Readonly<Record<string, { says: string }>>): string {
  return Object.entries(rules)
    .map(([name, { says }]) => `  ${name}\n      ${says}`).join("\n");
}

const isOfSurvival = (name: string): name is SurvivalRuleName =>
  name in SURVIVAL_RULES;

await main(() => {
  const { quick, without: left } = readFlags(USAGE, {
    quick: { type: "boolean", default: false },
    without: { type: "string" },
  });
  if (left === undefined) {
    const codes = [
      searchAll(quick ? QUICK : [...QUICK, ...FULL]),
      searchAllSurvival(),
    ];
    Deno.exitCode = Math.max(...codes);
  } else {
    const names = [...RULE_NAMES, ...SURVIVAL_RULE_NAMES];
    const name = oneOf("without", left, names);
    Deno.exitCode = isOfSurvival(name) ? showSurvival(name) : show(name);
  }
  return Promise.resolve();
});

/** Searches with all rules, and then without each. Returns the exit code. */
function searchAll(configurations: readonly Configuration[]): number {
  say("With all rules:");
  const all = new Set(RULE_NAMES);
  let exitCode = 0;
  for (const { name, bounds, invariants } of configurations) {
    const begun = performance.now();
    const found = search({ bounds, rules: all }, invariants);
    const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
    say(`  ${name}: ${found.states} states, ${outcome(found)} (${seconds} s)`);
    if (found.violation === undefined) continue;
    sayTrace(found);
    exitCode = 1;
  }
  say("\nWithout one rule:");
  for (const name of RULE_NAMES) {
    const found = searchWithout(name);
    say(`  ${name}: ${outcome(found)}`);
    if (found.violation?.invariant !== RULES[name].breaks) exitCode = 1;
  }
  sayInvariants(INVARIANTS);
  return exitCode;
}

function sayInvariants(invariants: Readonly<Record<string, string>>): void {
  say("\nThe invariants:");
  for (const [letter, says] of Object.entries(invariants)) {
    say(`  ${letter}. ${says}`);
  }
}

/** Searches the model of programs that outlive their agent, as `searchAll`. */
function searchAllSurvival(): number {
  say("\nPrograms that outlive their agent, with all rules:");
  const { states, broken, trace } = searchSurvival();
  say(`  ${states} states, ${brokenText(broken, trace)}`);
  sayTrace({ trace });
  let exitCode = broken === undefined ? 0 : 1;
  say("\nWithout one rule:");
  for (const name of SURVIVAL_RULE_NAMES) {
    const found = searchSurvivalWithout(name);
    say(`  ${name}: ${brokenText(found.broken, found.trace)}`);
    if (found.broken !== SURVIVAL_RULES[name].breaks) exitCode = 1;
  }
  sayInvariants(SURVIVAL_INVARIANTS);
  return exitCode;
}

/** Shows the violation that follows without a rule of these. Returns the exit code. */
function showSurvival(name: SurvivalRuleName): number {
  const { states, broken, trace } = searchSurvivalWithout(name);
  say(`Without "${name}": ${SURVIVAL_RULES[name].says}`);
  say(`${states} states: ${brokenText(broken, trace)}`);
  sayTrace({ trace });
  if (broken !== undefined) say(`VIOLATION: ${SURVIVAL_INVARIANTS[broken]}`);
  return broken === undefined ? 1 : 0;
}

/** Shows the violation that follows without a rule. Returns the exit code. */
function show(name: RuleName): number {
  const found = searchWithout(name);
  say(`Without "${name}": ${RULES[name].says}`);
  say(`${RULES[name].where}, ${found.states} states: ${outcome(found)}`);
  sayTrace(found);
  if (found.violation !== undefined) say(`VIOLATION: ${found.violation.how}`);
  return found.violation === undefined ? 1 : 0;
}

function outcome({ violation, trace }: Found): string {
  return brokenText(violation?.invariant, trace);
}

function brokenText(
  invariant: string | undefined,
  { length }: readonly string[],
): string {
  return invariant === undefined
    ? "no violation"
    : `${invariant} is violated after ${length} steps`;
}

function sayTrace({ trace }: Pick<Found, "trace">): void {
  trace.forEach((what, index) =>
    say(`${String(index + 1).padStart(4)}. ${what}`)
  );
}

function say(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let at = 0; at < bytes.length;) {
    at += Deno.stdout.writeSync(bytes.subarray(at));
  }
}
