import type { TargetAgent } from "../lib/targets/agent_index.ts";
import { parseTargets } from "../lib/targets/parse_targets.ts";
import { resolveTargets } from "../lib/targets/resolve_targets.ts";
import type { OpenPair, Pair } from "./pair.ts";
import { median } from "./samples.ts";

const AGENTS = 10_000;

/** Number of times in one measurement, of which the median counts. */
const RUNS = 15;

const EXPRESSION = "@web & memory_mb>=8GiB & agent.version<0.10 ! os.name=deb*";

/** Time to find the agents that an expression means. */
export const targets: Pair = {
  name: "targets",
  unit: "ms",
  goal: { most: 0.4 },
  ours: `reading \`${EXPRESSION}\` and finding the agents among 10,000`,
  beside: "reading these 10,000 agents from JSON, by JSON.parse alone",
  open(): Promise<OpenPair> {
    const agents = Array.from({ length: AGENTS }, (_, index) => agent(index));
    const text = JSON.stringify(agents);
    const world = { agents, sets: () => new Set<string>() };
    return Promise.resolve({
      ours: () =>
        timed(() => resolveTargets(parseTargets([EXPRESSION]), world)),
      beside: () => timed(() => JSON.parse(text)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

/** An agent with the facts of a real one. */
function agent(index: number): TargetAgent {
  return {
    name: `web-${String(index).padStart(5, "0")}`,
    groups: [index % 2 === 0 ? "web" : "db", `rack-${index % 40}`],
    facts: {
      "hostname": `host-${index}.example.org`,
      "os.name": index % 3 === 0 ? "debian" : "ubuntu",
      "os.version": String(index % 3 === 0 ? 12 : 24.04),
      "kernel": `6.1.${index % 90}-amd64`,
      "cpus": String(2 ** (index % 6)),
      "memory_mb": String(1024 * (1 + index % 64)),
      "agent.version": `0.${index % 12}.${index % 5}`,
    },
    connected: index % 20 !== 0,
  };
}

function timed(run: () => unknown): Promise<number> {
  const times = Array.from({ length: RUNS }, () => {
    const begun = performance.now();
    run();
    return performance.now() - begun;
  });
  return Promise.resolve(median(times));
}
