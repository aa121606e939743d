import { factOf, type TargetAgent } from "./agent_index.ts";
import { factTest } from "./compare_facts.ts";
import { expandWord } from "./expand_word.ts";
import { Glob } from "./glob.ts";
import { isGlob } from "./parse_word.ts";
import type { TargetExpression, TargetNode } from "./target_expression.ts";

/** True for an agent that an expression means. */
export type AgentTest = (agent: TargetAgent) => boolean;

/**
 * Makes the test of an expression that names no job. Where one expression is asked about again and again, of a few agents each
 * time, it is much faster than to look for all agents that the expression means.
 */
export function agentTest({ node }: TargetExpression): AgentTest {
  return testOf(node);
}

function testOf(node: TargetNode): AgentTest {
  switch (node.kind) {
    case "all":
      return () => true;
    case "word":
      return wordTest(node);
    case "group":
      return ({ groups }) => groups.includes(node.group);
    case "jobSet":
      return () => false;
    case "presence":
      return ({ connected }) => connected === node.connected;
    case "fact":
      return node.fact === "group" ? groupTest(node) : factTestOf(node);
    case "union": {
      const tests = node.of.map(testOf);
      return (agent) => tests.some((test) => test(agent));
    }
    case "term": {
      const first = testOf(node.first);
      const rest = node.rest.map(({ operator, node }) => ({
        wanted: operator === "and",
        test: testOf(node),
      }));
      return (agent) =>
        first(agent) &&
        rest.every(({ wanted, test }) => test(agent) === wanted);
    }
  }
}

function wordTest({ pieces }: TargetNode & { kind: "word" }): AgentTest {
  const texts = expandWord(pieces);
  if (!isGlob(pieces)) {
    const names = new Set(texts);
    return ({ name }) => names.has(name);
  }
  const globs = Array.from(texts, (text) => new Glob(text));
  return ({ name }) => globs.some((glob) => glob.matches(name));
}

function factTestOf(
  { fact, operator, value }: TargetNode & { kind: "fact" },
): AgentTest {
  const test = factTest(fact, operator, value);
  return (agent) => {
    const found = factOf(agent, fact);
    return found !== undefined && test(found) === true;
  };
}

/** An agent is in many groups: any of them may be equal, and none may be for `!=`. */
function groupTest(
  { operator, value }: TargetNode & { kind: "fact" },
): AgentTest {
  const isUnequal = operator === "!=";
  const test = factTest("group", isUnequal ? "=" : operator, value);
  return ({ groups }) =>
    groups.some((group) => test(group) === true) !== isUnequal;
}
