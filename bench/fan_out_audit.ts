import { DatabaseSync } from "node:sqlite";
import { PiriError } from "../lib/base/errors.ts";
import { statePaths } from "../lib/manager/state/state_paths.ts";
import { fromSource, type Programs } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import { NoOps } from "./no_ops.ts";
import type { OpenPair, Pair } from "./pair.ts";
import { withCommas } from "./table.ts";
import { unaudited } from "./unaudited.ts";

const AGENTS = 1_000;

/** Number of commands in one measurement. */
const COMMANDS = 30_000;

/** Cost of the audit for a command without work, to all agents. */
export const fanOutAudit: Pair = {
  name: "fan-out-audit",
  unit: "commands/s",
  goal: { least: 0.9 },
  ours: `a no-op command, recorded durably, to ${
    withCommas(AGENTS)
  } agents; each request is in the audit`,
  beside:
    "the same by a Manager whose audit is a stub of the bench (nobody can turn it off)",
  async open(): Promise<OpenPair> {
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    const programs = await unaudited(folder.path);
    const audited = undo.use(await Side.start(fromSource));
    const bare = undo.use(await Side.start(programs));
    const opened = undo.move();
    return {
      ours: () => audited.run({ isAudited: true }),
      beside: () => bare.run({ isAudited: false }),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

/** A Manager with a connected fleet of its own. */
class Side implements AsyncDisposable {
  readonly #commands: NoOps;

  private constructor(
    readonly manager: LocalManager,
    load: LoadFleet,
    readonly undo: AsyncDisposableStack,
  ) {
    this.#commands = new NoOps(manager, load);
  }

  static async start(programs: Programs): Promise<Side> {
    await using undo = new AsyncDisposableStack();
    const manager = undo.use(await LocalManager.start(programs));
    const load = undo.use(await LoadFleet.start(manager.dir, AGENTS));
    await load.connect();
    return new Side(manager, load, undo.move());
  }

  /**
   * Measures the commands of a second.
   *
   * @throws {PiriError} INTERNAL if the audit has not an entry for each request, or has one and must have none
   */
  async run({ isAudited }: { isAudited: boolean }): Promise<number> {
    const requests = COMMANDS / AGENTS;
    const before = this.#entries();
    const rate = COMMANDS / await this.#commands.run(requests);
    const added = this.#entries() - before;
    if (added === (isAudited ? requests : 0)) return rate;
    throw new PiriError(
      "INTERNAL",
      `Cannot measure: ${requests} requests have left ${added} entries in the audit`,
    );
  }

  #entries(): number {
    const path = statePaths(this.manager.dir).database;
    using db = new DatabaseSync(path, { readOnly: true });
    const row = db
      .prepare("SELECT count(*) AS count FROM audit WHERE act = 'Run'").get();
    return Number(row?.["count"]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }
}
