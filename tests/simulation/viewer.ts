import type { ManagerCore } from "../../lib/manager/core.ts";
import type {
  CommandView,
  WatchEvent,
} from "../../lib/manager/api/operator_api.ts";
import { STALLED_WATCHER_MS } from "../../lib/manager/command/feed.ts";
import { isOpenState } from "../../lib/base/command_state.ts";
import type { StreamName } from "../../lib/store/records.ts";
import type { Life } from "./life.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { checkGone, type Range } from "./kept_rules.ts";
import type { Records } from "./records.ts";
import { hex } from "./truth.ts";
import type { World } from "./world.ts";

/** Viewer of a command's output: fast, slow, or with long pauses. */
export class Viewer {
  readonly #world: World;
  readonly #id: bigint;
  readonly #records: Records;
  /** Parts of the output that it was told to be gone. */
  readonly #gone: { readonly stream: StreamName; readonly range: Range }[] = [];
  readonly #random: SeededRandom;
  readonly #pauseMs: number;
  readonly #shown: Record<StreamName, bigint> = { stdout: 0n, stderr: 0n };
  #last: CommandView | undefined;

  constructor(
    world: World,
    { id, records, random }: {
      id: bigint;
      records: Records;
      random: SeededRandom;
    },
  ) {
    this.#world = world;
    this.#id = id;
    this.#records = records;
    this.#random = random;
    this.#pauseMs = random.pick([0, 0, 0, 20, 700, 15_000]);
  }

  /** Watches to the end, or until the Manager dies. */
  async follow({ commands }: ManagerCore, life: Life): Promise<void> {
    const { time, trace, truth } = this.#world;
    const start = { id: this.#id, stdoutOffset: 0n, stderrOffset: 0n };
    const stop = new AbortController();
    if (this.#random.chance(0.2)) {
      time.after(this.#random.whole(1, 20_000), () => stop.abort());
    }
    // What was told before the end is history for one who comes after it, also if it is still being written.
    const hasEnded = ![...commands.all()].some(({ id }) => id === this.#id);
    let isCutOff = false;
    const known = this.#records.find(this.#id);
    if (known !== undefined) known.isWatched = true;
    const before = { ...known?.recorded };
    const presumptions = known?.presumptions;
    for await (const event of commands.watch([start], stop.signal)) {
      if (!life.isAlive) return;
      this.#see(event);
      isCutOff ||= event.kind === "cutOff";
      if (this.#pauseMs > 0) await life.guarded(time.pass(this.#pauseMs));
    }
    // One that goes on after a presumed end is watched anew: what came meanwhile is history, also for a viewer who was
    // too slow to be told of that end.
    const wasPresumed = this.#last?.presumed === true ||
      this.#records.find(this.#id)?.presumptions !== presumptions;
    const holdsBack = this.#pauseMs < STALLED_WATCHER_MS;
    if (holdsBack && !isCutOff && !wasPresumed && !hasEnded) {
      this.#checkGone(before);
    }
    const view = this.#last;
    if (stop.signal.aborted || isCutOff || view === undefined) return;
    trace.add(`viewer of ${this.#id} is done`);
    truth.must(
      !isOpenState(view.state),
      () => `a viewer of command ${this.#id} is done while it is ${view.state}`,
    );
    for (const stream of ["stdout", "stderr"] as const) {
      truth.must(
        this.#shown[stream] === view[`${stream}Held`],
        () =>
          `a viewer of command ${this.#id} saw ${
            this.#shown[stream]
          } bytes of its ${stream} to the end, and ${
            view[`${stream}Held`]
          } are held`,
      );
    }
  }

  /** Checks that nothing is gone that came while it watched. */
  #checkGone(before: Partial<Record<StreamName, bigint>>): void {
    for (const { stream, range: [from, below] } of this.#gone) {
      const start = before[stream] ?? 0n;
      checkGone(this.#world, {
        known: this.#records.find(this.#id),
        stream,
        gone: [from > start ? from : start, below],
        place: `a viewer of the ${stream} of command ${this.#id}`,
      });
    }
  }

  #see(event: WatchEvent): void {
    const { truth } = this.#world;
    if (event.kind === "command") this.#last = event.command;
    if (event.kind !== "output") return;
    const { stream, offset, bytes, cut } = event;
    truth.must(
      offset - cut === this.#shown[stream],
      () =>
        `a viewer of command ${this.#id} is shown ${stream} at ${offset} after a cut of ${cut}, and has seen ${
          this.#shown[stream]
        }`,
    );
    this.#shown[stream] = offset + BigInt(bytes.length);
    if (cut > 0n) this.#gone.push({ stream, range: [offset - cut, offset] });
    const nonce = this.#last?.nonce;
    if (nonce === undefined) return;
    truth.checkBytes(nonce, {
      stream,
      offset,
      bytes,
      where: `a viewer of command ${this.#id} (${hex(nonce)})`,
    });
  }
}
