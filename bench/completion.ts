import { DatabaseSync } from "node:sqlite";
import { PiriError } from "../lib/base/errors.ts";
import { statePaths } from "../lib/manager/state/state_paths.ts";
import { compiled, type Programs } from "../scripts/local/programs.ts";
import { LocalManager } from "./local_manager.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { NOT_COMPILED } from "./real_fleet.ts";
import { median } from "./samples.ts";

const AGENTS = 10_000;

/** Number of times in one measurement, of which the median counts. */
const RUNS = 7;

/** Beginning of a name, and the number of agents whose names begin so. */
const TYPED = "web-00";
const MATCHES = 1_000;

/** Time from the Tab key to the names. */
export const completion: Pair = {
  name: "completion",
  unit: "ms",
  goal: { most: 2 },
  ours: `completing \`run ${TYPED}\` among 10,000 agents, by the executable`,
  beside: "starting the executable, by `--version`",
  async open(): Promise<OpenPair | LeftOut> {
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    const manager = await LocalManager.start(programs, { prepare: fill });
    const line = ["__complete", "--", "run", "--dir", manager.dir, TYPED];
    return {
      async ours() {
        const { ms, lines } = await timed(programs, line);
        if (lines === MATCHES + 1) return ms;
        throw new PiriError(
          "INTERNAL",
          `Cannot measure completion: it found ${
            lines - 1
          } names, and there are ${MATCHES}`,
        );
      },
      beside: async () => (await timed(programs, ["--version"])).ms,
      [Symbol.asyncDispose]: () => manager[Symbol.asyncDispose](),
    };
  },
};

/** Puts agents that have joined into the database of a Manager that does not run. */
function fill(dir: string): void {
  using db = new DatabaseSync(statePaths(dir).database);
  db.prepare(`
    WITH RECURSIVE numbers (n) AS (
      SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :agents
    )
    INSERT INTO agents (id, groups, cidrs, added_at, secret_hash, facts, version, protocol)
    SELECT
      printf('web-%05d', n), json_array('web', printf('rack-%d', n % 40)), '[]', 1, zeroblob(32),
      json_object('os.name', 'debian', 'cpus', '8', 'hostname', printf('host-%d.example.org', n)), '0.1.0', 2
    FROM numbers
  `).run({ agents: AGENTS });
}

async function timed(
  { manager: [program = "", ...before] }: Programs,
  args: readonly string[],
): Promise<{ ms: number; lines: number }> {
  const times: number[] = [];
  let lines = 0;
  for (let run = 0; run < RUNS; run++) {
    const begun = performance.now();
    const { stdout } = await new Deno.Command(program, {
      args: [...before, ...args],
      stderr: "null",
    }).output();
    times.push(performance.now() - begun);
    lines = new TextDecoder().decode(stdout).trimEnd().split("\n").length;
  }
  return { ms: median(times), lines };
}
