import type { Checkpoint } from "../../lib/base/checkpoint.ts";
import type { CommandStateName } from "../../lib/base/command_state.ts";
import type {
  CommandPatch,
  CommandRecord,
  OutputRange,
  StreamName,
} from "../../lib/store/records.ts";
import type { StartedEntries } from "../../lib/store/job_records.ts";
import type { Store } from "../../lib/store/store.ts";
import type { StoreMethod } from "../support/store_requests.ts";
import type { Range } from "./kept_rules.ts";
import { hex, type Truth } from "./truth.ts";

const OPEN: ReadonlySet<CommandStateName> = new Set([
  "queued",
  "sent",
  "running",
]);

type Hello = Parameters<Store["admitAgent"]>[1];

/** Command as the database has it. */
export interface Known {
  readonly id: bigint;
  readonly nonce: bigint;
  readonly agent: string;
  state: CommandStateName;
  presumed: boolean;
  /** True if its cancel is durable. */
  isCancelled: boolean;
  /** True if it ended, by a result or by a presumption. */
  readonly hasEnded: boolean;
  readonly recorded: Record<StreamName, bigint>;
  /** Parts of each stream that its agent told to be gone. */
  readonly cuts: Readonly<Record<StreamName, Range[]>>;
  /** Bytes of the largest piece of each stream. */
  readonly largest: Record<StreamName, bigint>;
  /** Streams whose middle was dropped at the end. */
  readonly dropped: Set<StreamName>;
  /** True if somebody ever watched it. */
  isWatched: boolean;
  /** Count of the times at which it was presumed to have ended. */
  presumptions: number;
}

/** Facts about a command that its record has. */
type RecordedFacts = Omit<
  Known,
  "hasEnded" | "cuts" | "largest" | "dropped" | "isWatched" | "presumptions"
>;

/** Content of the Manager's database, followed write by write, with the rules that each write must keep. */
export class Records {
  readonly #truth: Truth;
  /**
   * True if an agent runs twice, or came back in an older state: its first connection after that is not predictable.
   */
  readonly #isDoubled: (agent: string) => boolean;
  /** True if an agent continues on another machine: it may report as lost what it has reported already. */
  readonly #hasNewInstance: (agent: string) => boolean;
  /** Bytes that are kept of the beginning and of the end of a stream. */
  readonly #quarter: bigint;
  /** True if commits have failed. */
  mayHaveHoles = false;
  readonly #known = new Map<bigint, Known>();
  /** Newest connection of each agent. */
  /** Names of the checkpoints of the audit that are on the disk, now or before it was put back. */
  readonly signed = new Set<string>();
  readonly #sessions = new Map<string, Pick<Hello, "instance" | "session">>();

  constructor(
    truth: Truth,
    { keepBytes, isDoubled, hasNewInstance }: {
      keepBytes: bigint;
      isDoubled: (agent: string) => boolean;
      hasNewInstance: (agent: string) => boolean;
    },
  ) {
    this.#truth = truth;
    this.#quarter = keepBytes / 4n;
    this.#isDoubled = isDoubled;
    this.#hasNewInstance = hasNewInstance;
  }

  /** True if the database knows a command of this id. */
  has(id: bigint): boolean {
    return this.#known.has(id);
  }

  /**
   * True if the database can still do something about this command. If an agent runs twice, one may have reported the
   * command as lost while it went on at the other, where nobody can cancel it.
   */
  caresFor(nonce: bigint): boolean {
    const known = [...this.#known.values()].find((each) =>
      each.nonce === nonce
    );
    return known !== undefined &&
      (OPEN.has(known.state) || !this.#isDoubled(known.agent));
  }

  /** Command of this id. */
  find(id: bigint): Known | undefined {
    return this.#known.get(id);
  }

  /** Nonces of all commands of an agent. */
  noncesOf(agent: string): bigint[] {
    return [...this.#known.values()].filter((each) => each.agent === agent)
      .map(({ nonce }) => nonce);
  }

  get ids(): readonly bigint[] {
    return [...this.#known.keys()];
  }

  nonceOf(id: bigint): bigint | undefined {
    return this.#known.get(id)?.nonce;
  }

  /** Notes commands that were created, or that an earlier request created. */
  created(answer: unknown): void {
    const { commands, repeated } = answer as {
      commands: readonly CommandRecord[];
      repeated: boolean;
    };
    for (const { id, nonce, agent, state } of commands) {
      const earlier = this.#known.get(id);
      this.#truth.must(
        earlier === undefined ? !repeated : earlier.nonce === nonce,
        () => `id ${id} is given to ${hex(nonce)} and to another command`,
      );
      if (earlier !== undefined) continue;
      this.#know({
        id,
        nonce,
        agent,
        state,
        presumed: false,
        isCancelled: false,
        recorded: { stdout: 0n, stderr: 0n },
      });
    }
  }

  /** Notes commands that were made for entries of a job. */
  started([entries]: readonly unknown[], answer: unknown): void {
    const { positions, agents, nonces } = entries as StartedEntries;
    const { firstId, missed } = answer as {
      firstId: bigint;
      missed: readonly number[];
    };
    let next = firstId;
    positions.forEach((position, index) => {
      if (missed.includes(position)) return;
      const [id, nonce] = [next++, nonces[index] ?? 0n];
      const earlier = this.#known.get(id);
      this.#truth.must(
        earlier === undefined,
        () => `id ${id} is given to ${hex(nonce)} and to another command`,
      );
      this.#know({
        id,
        nonce,
        agent: agents[index] ?? "",
        state: "sent",
        presumed: false,
        isCancelled: false,
        recorded: { stdout: 0n, stderr: 0n },
      });
    });
  }

  /** Notes a durable write. */
  note(method: StoreMethod, args: readonly unknown[]): void {
    const [first, second] = args;
    switch (method) {
      case "addCheckpoint":
        return void this.signed.add(checkpointName(first as Checkpoint));
      case "patchCommand":
        return this.#patched(first as CommandPatch);
      case "admitAgent":
        this.#admitted(first as string, second as Hello);
        return this.#allPatched((second as Hello).patches);
      case "agentLeft":
      case "revokeAgent":
        return this.#allPatched((second as Hello).patches);
      case "appendOutput":
        return this.#appended(
          first as bigint,
          second as Parameters<Store["appendOutput"]>[1],
        );
      case "dropOutput":
        return this.#dropped(
          first as bigint,
          second as OutputRange & { stream: StreamName },
        );
    }
  }

  /** Checks that only ever newer sessions of the same instance are admitted. */
  #admitted(agent: string, { instance, session }: Hello): void {
    const before = this.#sessions.get(agent);
    this.#truth.must(
      before?.instance !== instance || session > before.session,
      () =>
        `session ${session} of ${agent} was let in after session ${before?.session}`,
    );
    this.#sessions.set(agent, { instance, session });
  }

  /** Starts again with the content of a restored database. */
  async read(store: Store): Promise<void> {
    this.#known.clear();
    this.#sessions.clear();
    for (const record of await store.commands({ limit: 1_000_000 })) {
      this.#know({
        id: record.id,
        nonce: record.nonce,
        agent: record.agent,
        state: record.state,
        presumed: record.presumed,
        isCancelled: record.cancelRequestedAt !== null,
        recorded: { stdout: record.stdoutHeld, stderr: record.stderrHeld },
      });
    }
  }

  #know(facts: RecordedFacts): void {
    this.#known.set(facts.id, {
      ...facts,
      cuts: { stdout: [], stderr: [] },
      largest: { stdout: 0n, stderr: 0n },
      dropped: new Set(),
      isWatched: false,
      presumptions: 0,
      get hasEnded() {
        return !OPEN.has(this.state);
      },
    });
  }

  #allPatched(patches: readonly CommandPatch[]): void {
    for (const patch of patches) this.#patched(patch);
  }

  #patched(patch: CommandPatch): void {
    const known = this.#known.get(patch.id);
    if (known === undefined) return;
    const { nonce } = known;
    known.isCancelled ||= (patch.cancelRequestedAt ?? null) !== null;
    const state = patch.state ?? known.state;
    const presumed = patch.presumed ?? known.presumed;
    // If an agent runs twice, one may report as lost a command that goes on at the other.
    const isDisputed = known.state === "lost" &&
      (this.#isDoubled(known.agent) || this.#hasNewInstance(known.agent));
    const wasCertain = !OPEN.has(known.state) && !known.presumed &&
      !isDisputed;
    this.#truth.must(
      !wasCertain || patch.state === undefined,
      () =>
        `command ${patch.id} (${
          hex(nonce)
        }) was ${known.state} for good, and becomes ${state}`,
    );
    known.state = state;
    if (presumed && !known.presumed) known.presumptions++;
    known.presumed = presumed;
    const reason = patch.reason ?? "";
    if (
      /never arrived|before it was sent|it was not sent|before it began/
        .test(reason) &&
      !this.#isDoubled(known.agent)
    ) {
      this.#truth.deny(
        nonce,
        `command ${patch.id} on ${known.agent}: ${reason}`,
      );
    }
    if (state === "refused" && patch.state !== undefined) {
      this.#truth.deny(nonce, `command ${patch.id} was refused: ${reason}`);
      this.#truth.must(
        !/has accepted \d+ before|is not above/.test(reason),
        () =>
          `command ${patch.id} (${
            hex(nonce)
          }) has an id that was used: ${reason}`,
      );
    }
    for (const stream of ["stdout", "stderr"] as const) {
      const told = patch[`${stream}Sha256`] ?? null;
      if (told !== null) this.#truth.checkHash(nonce, stream, told);
    }
    if (patch.exitCode !== undefined || patch.data !== undefined) {
      this.#truth.checkResult({
        nonce,
        state,
        data: patch.data ?? null,
        exitCode: patch.exitCode ?? null,
      });
    }
  }

  #appended(
    id: bigint,
    { stream, offset, bytes, cut, drop }: Parameters<Store["appendOutput"]>[1],
  ): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    const expected = known.recorded[stream];
    this.#truth.must(
      // Output after a piece that could not be recorded is kept, and the hole is marked.
      offset - cut === expected || this.mayHaveHoles && offset > expected,
      () =>
        `${stream} of command ${id} (${
          hex(known.nonce)
        }) is recorded at ${offset} after a cut of ${cut}, and ${expected} bytes were recorded`,
    );
    const size = BigInt(bytes.length);
    known.recorded[stream] = offset + size;
    if (cut > 0n) known.cuts[stream].push([offset - cut, offset]);
    if (size > known.largest[stream]) known.largest[stream] = size;
    if (drop !== undefined) this.#checkDrop(known, stream, drop);
    this.#truth.checkBytes(known.nonce, {
      stream,
      offset,
      bytes,
      where: `the record of command ${id}`,
    });
  }

  #dropped(
    id: bigint,
    { stream, ...range }: OutputRange & { stream: StreamName },
  ): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    this.#checkDrop(known, stream, range);
    known.dropped.add(stream);
  }

  /** Checks that no write drops anything of either end of a stream. */
  #checkDrop(
    { id, recorded }: Known,
    stream: StreamName,
    { from, below }: OutputRange,
  ): void {
    const end = recorded[stream];
    this.#truth.must(
      from >= this.#quarter && below <= end - this.#quarter,
      () =>
        `bytes ${from} to ${below} of the ${stream} of command ${id} are dropped, which is recorded to ${end}`,
    );
  }
}

/** Name of a checkpoint of the audit: two with the same name say the same. */
export function checkpointName(
  { count, hash }: Pick<Checkpoint, "count" | "hash">,
): string {
  return `${count} ${hash.toString()}`;
}
