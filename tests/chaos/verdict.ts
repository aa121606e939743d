import { exitCodeOfCommand, stateName } from "../../lib/cli/manager/states.ts";
import type { Command } from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { ChaosOrder, Piece, Said } from "./chaos_order.ts";

/** All that is known of an order once the dust has settled. */
export interface Evidence {
  readonly order: ChaosOrder;
  readonly said: Said;
  /** The Manager's record; undefined if it has none. */
  readonly record: Command | undefined;
  /** What the Manager has of its output, in the order in which it gave it. */
  readonly recorded: readonly Piece[];
  /** How often the work's effect was found. */
  readonly effects: number;
  /** All that the work prints. */
  readonly printed: Record<"stdout" | "stderr", Uint8Array>;
  /** Whether its agent was killed, or asked to end, since the order was given. */
  readonly agentWasKilled: boolean;
  readonly agentWasStopped: boolean;
}

/** Exit codes of a command line that could not tell the end: the Manager was away, or it would not wait longer. */
const NO_END: ReadonlySet<number> = new Set([3, 6]);

/** What is wrong with it; nothing if all that was promised was kept. */
export function complaintsOf(evidence: Evidence): string[] {
  const { effects, record, said } = evidence;
  const complaints = effects > 1
    ? [`its effect is there ${effects} times`]
    : [];
  if (record === undefined) {
    if (effects > 0) complaints.push("it ran, and there is no record of it");
    if (said.exitCode === 0 || said.id !== undefined) {
      complaints.push("the command line promised it, and there is no record");
    }
    return complaints;
  }
  return [
    ...complaints,
    ...endComplaints(evidence, record),
    ...outputComplaints(evidence, record),
    ...saidComplaints(evidence, record),
  ];
}

/** Whether the end that is recorded can be the truth. */
function endComplaints(evidence: Evidence, record: Command): string[] {
  const { order, effects, agentWasKilled, agentWasStopped } = evidence;
  const { work } = order;
  const { reason, exitCode, presumed, reaped } = record;
  const state = stateName(record.state);
  const hasRun = expect(effects === 1, `it is ${state} and has no effect`);
  const hasNotRun = expect(effects === 0, `it is ${state}, and it ran`);
  const isCode = expect(
    exitCode === work.code,
    `its exit code is ${exitCode} instead of ${work.code}`,
  );
  const living = expect(
    reaped === undefined || reaped.alive.length === 0,
    `its receipt lists living processes: ${reaped?.alive.join(" ")}`,
  );
  switch (state) {
    case "succeeded":
      return [...hasRun, ...isCode, ...expect(work.code === 0, "it failed")];
    case "failed":
      return reason.startsWith("agent stopped")
        ? [...living, ...expect(agentWasStopped, "nobody stopped its agent")]
        : [...hasRun, ...isCode, ...expect(work.code !== 0, "it succeeded")];
    case "cancelled":
      return [
        ...living,
        ...reason.includes("before it was sent") ? hasNotRun : [],
        ...expect(
          reason.startsWith("link lost")
            ? order.killOnDisconnect
            : order.cancelAfterMs !== undefined,
          `nobody cancelled it: ${reason}`,
        ),
      ];
    case "timed_out":
      return [
        ...living,
        ...expect(order.timeoutMs !== undefined, "it had no timeout"),
        ...expect(!presumed, "its timeout is a guess"),
      ];
    case "refused":
      return [
        ...hasNotRun,
        ...expect(
          agentWasKilled || agentWasStopped,
          `its agent had no reason to refuse it: ${reason}`,
        ),
      ];
    case "lost":
      return presumed
        ? reason.includes("never arrived")
          ? hasNotRun
          : [`its result is lost: ${reason}`]
        : [
          ...living,
          ...expect(agentWasKilled, "it is lost, and nobody killed its agent"),
          ...expect(reaped !== undefined, "it is lost without a receipt"),
        ];
    default:
      return [`it is still ${state}`];
  }
}

/** Whether what is kept of its output is what it printed, all of it or with marked cuts. */
function outputComplaints(evidence: Evidence, record: Command): string[] {
  const { order: { work }, printed, recorded } = evidence;
  const ended = stateName(record.state);
  const ranToItsEnd = ended === "succeeded" ||
    ended === "failed" && record.exitCode === work.code;
  return (["stdout", "stderr"] as const).flatMap((stream) => {
    const told = Number(record[`${stream}Bytes`]);
    const expected = printed[stream].length;
    const { gaps, end, wrong } = compare(recorded, stream, printed[stream]);
    return [
      ...wrong,
      ...expect(
        record.truncated || gaps === 0 && end === told,
        `${told} bytes of ${stream} are promised; ${
          end - gaps
        } are there, and no cut is marked`,
      ),
      ...expect(
        !ranToItsEnd || told === expected,
        `it printed ${expected} bytes of ${stream}, and ${told} are told of`,
      ),
    ];
  });
}

/** Whether the command line said the same as the record. */
function saidComplaints(
  { said, order, printed }: Evidence,
  record: Command,
): string[] {
  const { exitCode, result, id } = said;
  const complaints = expect(
    id === undefined || id === String(record.id),
    `the command line gave it the id ${id} instead of ${record.id}`,
  );
  if (!order.attended) {
    return [
      ...complaints,
      ...expect(
        exitCode === 0 ? id !== undefined : NO_END.has(exitCode),
        `the command line ended with ${exitCode}: ${said.stderr}`,
      ),
    ];
  }
  if (result === undefined || NO_END.has(exitCode) && result.presumed) {
    return [
      ...complaints,
      ...expect(
        NO_END.has(exitCode),
        `the command line ended with ${exitCode} and no result: ${said.stderr}`,
      ),
    ];
  }
  // A presumption gives way to a result, and who asked may have left before.
  if (result.presumed && !record.presumed) return complaints;
  return [
    ...complaints,
    ...expect(
      result.state === stateName(record.state) &&
        (result.exitCode ?? undefined) === record.exitCode,
      `the command line showed ${result.state}, ${result.exitCode}; it is ${
        stateName(record.state)
      }, ${record.exitCode}`,
    ),
    ...expect(
      exitCode === exitCodeOfCommand(record),
      `the command line ended with ${exitCode} instead of ${
        exitCodeOfCommand(record)
      }`,
    ),
    ...(["stdout", "stderr"] as const).flatMap((stream) => {
      const { gaps, end, wrong } = compare(
        said.pieces,
        stream,
        printed[stream],
      );
      const told = Number(record[`${stream}Bytes`]);
      return [
        ...wrong.map((what) => `shown: ${what}`),
        ...expect(
          record.truncated || gaps === 0 && end === told,
          `the command line showed ${end - gaps} of ${told} bytes of ${stream}`,
        ),
        ...expect(
          said.cut > 0 || gaps === 0,
          `the command line left out ${gaps} bytes of ${stream} without a word`,
        ),
      ];
    }),
  ];
}

/** Lays the pieces of a stream over what was printed. */
function compare(
  pieces: readonly Piece[],
  stream: Piece["stream"],
  printed: Uint8Array,
): { gaps: number; end: number; wrong: string[] } {
  let end = 0;
  let gaps = 0;
  for (const { offset, bytes } of pieces.filter((p) => p.stream === stream)) {
    if (offset < end) {
      return { gaps, end, wrong: [`${stream} repeats itself at ${offset}`] };
    }
    gaps += offset - end;
    end = offset + bytes.length;
    if (!isSame(bytes, printed.subarray(offset, end))) {
      const wrong = [`${stream} differs within ${offset} to ${end}`];
      return { gaps, end, wrong };
    }
  }
  return { gaps, end, wrong: [] };
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, at) => byte === other[at]);
}

function expect(isSo: boolean, complaint: string): string[] {
  return isSo ? [] : [complaint];
}
