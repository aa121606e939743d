import { exitCodeOfCommand, stateName } from "../../lib/cli/manager/states.ts";
import type { Command } from "../../proto/gen/piri/control/v1/control_messages.ts";
import type { ChaosOrder, Piece, Said } from "./chaos_order.ts";

/** All that is known of an order once it has ended. */
export interface Evidence {
  readonly order: ChaosOrder;
  readonly said: Said;
  /** Record of the Manager, or undefined if it has none. */
  readonly record: Command | undefined;
  /** True if its job is recorded, with the reason why there is no command. */
  readonly endedWithoutCommand: boolean;
  /** Output that the Manager has, in the order in which it arrived. */
  readonly recorded: readonly Piece[];
  /** Number of times that the work's effect was found. */
  readonly effects: number;
  /** All output of the work. */
  readonly printed: Record<"stdout" | "stderr", Uint8Array>;
  /** True if its agent was killed, or asked to end, since the order was given. */
  readonly agentWasKilled: boolean;
  readonly agentWasStopped: boolean;
}

/** Exit codes of a command line that could not tell the end: the Manager was away, or it stopped waiting. */
const NO_END: ReadonlySet<number> = new Set([3, 6]);

/** Reasons of a cancelled command that had no effect. */
const UNBEGUN = /before it was sent|before it began|never arrived/;

/** Broken promises of an order. */
export function complaintsOf(evidence: Evidence): string[] {
  const { effects, record, said } = evidence;
  const complaints = effects > 1
    ? [`its effect is there ${effects} times`]
    : [];
  if (record === undefined) {
    if (effects > 0) complaints.push("it ran, and there is no record of it");
    const isPromised = said.exitCode === 0 || said.id !== undefined;
    if (isPromised && !evidence.endedWithoutCommand) {
      complaints.push("the command line promised it, and there is no record");
    }
    return complaints;
  }
  return [
    ...complaints,
    ...expect(
      effects === 0 || !evidence.order.mustNotRun,
      "it ran, although it was cancelled while its agent stood still",
    ),
    ...endComplaints(evidence, record),
    ...outputComplaints(evidence, record),
    ...saidComplaints(evidence, record),
  ];
}

/** Complaints about a recorded end that cannot be true. */
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
        ? [
          ...living,
          ...expect(agentWasStopped, "nobody stopped its agent"),
          ...expect(!order.survives, "it ended with its agent"),
        ]
        : [...hasRun, ...isCode, ...expect(work.code !== 0, "it succeeded")];
    case "cancelled":
      return [
        ...living,
        ...UNBEGUN.test(reason) ? hasNotRun : [],
        ...expect(
          reason.startsWith("link lost")
            ? order.killOnDisconnect
            : order.cancelAfterMs !== undefined || order.mustNotRun,
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
          ...expect(!order.survives, "it outlives its agent, and it is lost"),
          ...expect(agentWasKilled, "it is lost, and nobody killed its agent"),
          ...expect(reaped !== undefined, "it is lost without a receipt"),
        ];
    default:
      return [`it is still ${state}`];
  }
}

/** Complaints about recorded output that is not what the program printed, apart from marked cuts. */
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

/** Complaints about a command line that said other than the record. */
function saidComplaints(
  { said, order, printed }: Evidence,
  record: Command,
): string[] {
  const { exitCode, result, id } = said;
  const complaints = expect(
    id === undefined || id === String(record.id) || id === record.job,
    `the command line gave it the id ${id} instead of ${record.id} or ${record.job}`,
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
  // A result replaces a presumption, and the command line may have left before.
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

/** Compares the pieces of a stream with the printed bytes. */
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
