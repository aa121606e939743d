import { decodeHex } from "@std/encoding/hex";
import * as v from "valibot";
import type { Checkpoint } from "../../base/checkpoint.ts";
import type { RememberedCommand } from "../../store/audit_records.ts";
import type { Store } from "../../store/store.ts";
import type { AuditProblem } from "../api/audit_api.ts";

/** Commands that one request compares. */
const PAGE = 1_000;

/** Commands of an agent that are told one by one, a count. */
const MAX_DENIED = 20;

/**
 * Time by which the clock of a host may differ, in milliseconds: a command that was taken so shortly after the history
 * begins is not held against the Manager.
 */
const CLOCK_MS = 3_600_000;

/** Command that an agent took. */
interface TakenCommand extends RememberedCommand {
  /** Time by the clock of the host, in milliseconds since 1970. */
  readonly at: number;
}

/** Answer of an agent. Nothing in it is believed but signatures of the Manager. */
export interface AgentAnswer {
  /** Name of the agent. */
  readonly agent: string;
  /** Reason why there is no answer; empty if there is one. */
  readonly error: string;
  readonly witnesses: readonly Checkpoint[];
  readonly commands: readonly TakenCommand[];
}

/** One page of the answer of an agent. */
export interface AnswerPage
  extends Pick<AgentAnswer, "witnesses" | "commands"> {
  /** True if older commands follow. */
  readonly more: boolean;
}

const Hex = v.pipe(
  v.string(),
  v.regex(/^(?:[0-9a-f]{2}){1,64}$/),
  v.transform((text) => decodeHex(text)),
);

const Time = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(8.64e15),
);

const Page = v.object({
  witnesses: v.pipe(
    v.array(v.object({
      count: v.pipe(
        v.string(),
        v.regex(/^\d{1,18}$/),
        v.transform((text) => BigInt(text)),
      ),
      hash: Hex,
      at: Time,
      key: Hex,
      signature: Hex,
    })),
    v.maxLength(100),
  ),
  commands: v.pipe(
    v.array(v.pipe(
      v.tuple([
        v.pipe(v.string(), v.regex(/^\d{1,18}$/)),
        v.pipe(v.string(), v.regex(/^[0-9a-f]{1,16}$/)),
        Time,
      ]),
      v.transform(([id, nonce, at]) => ({
        id: BigInt(id),
        nonce: BigInt(`0x${nonce}`),
        at,
      })),
    )),
    v.maxLength(5_000),
  ),
  more: v.boolean(),
});

/** The data of an agent's result; undefined if it is none that can be read. */
export function answerPage(data: string): AnswerPage | undefined {
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), Page), data);
  return read.success ? read.output : undefined;
}

/** Commands of an agent, compared with the record. */
export interface ComparedAnswer {
  /** Number of commands that were compared. */
  readonly count: number;
  /** Number of commands from before the history that is kept. */
  readonly tooOld: number;
  readonly problems: readonly AuditProblem[];
}

/** Finds the commands that an agent took and the record does not have. */
export async function compareCommands(
  store: Pick<Store, "compareCommands">,
  { agent, commands }: Pick<AgentAnswer, "agent" | "commands">,
): Promise<ComparedAnswer> {
  const denied: TakenCommand[] = [];
  let tooOld = 0;
  for (let from = 0; from < commands.length; from += PAGE) {
    const page = commands.slice(from, from + PAGE);
    const { known, other, lastId, deletedBefore } = await store
      .compareCommands(page.map(({ id, nonce }) => ({ id, nonce })));
    const knownPlaces = new Set(known);
    const otherPlaces = new Set(other);
    for (const [place, command] of page.entries()) {
      if (knownPlaces.has(place)) continue;
      // An id of another command, or one that was never given, cannot be of a command that was deleted.
      const isSure = otherPlaces.has(place) || command.id > lastId ||
        deletedBefore === 0 || command.at >= deletedBefore + CLOCK_MS;
      if (isSure) denied.push(command);
      else tooOld++;
    }
  }
  return {
    count: commands.length - tooOld,
    tooOld,
    problems: problemsOf(agent, denied),
  };
}

function problemsOf(
  agent: string,
  denied: readonly TakenCommand[],
): AuditProblem[] {
  const problems: AuditProblem[] = denied.slice(0, MAX_DENIED)
    .map(({ id, at }) => ({
      id: 0n,
      kind: "denied",
      message: `agent "${agent}" took command ${id} at ${
        new Date(at).toISOString()
      }, and the record has no such command`,
      agents: [agent],
      commandId: id,
    }));
  const more = denied.length - problems.length;
  if (more > 0) {
    problems.push({
      id: 0n,
      kind: "denied",
      message:
        `agent "${agent}" took ${more} more commands that the record does not have`,
      agents: [agent],
    });
  }
  return problems;
}
