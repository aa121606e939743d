import { encodeHex } from "@std/encoding/hex";
import { didYouMean } from "../../base/nearest.ts";
import { PiriError } from "../../base/errors.ts";
import { sha256 } from "../../base/sha256.ts";
import { canonicalHash } from "../../base/statement.ts";
import type { NewPlanAgent } from "../../store/plan_records.ts";
import type { AgentRecord } from "../../store/records.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type {
  CompiledSheet,
  PlanProblem,
  StateSource,
} from "../api/plan_api.ts";
import { withoutSteps } from "./chosen_steps.ts";
import { ownWordsOf } from "./plan_groups.ts";
import { usedFacts } from "./used_facts.ts";

/** Agents that a state is compiled for at a time. */
const AT_A_TIME = 16;

/** States that were compiled for the agents of a plan. */
export interface CompiledAgents {
  readonly agents: readonly NewPlanAgent[];
  /** Hashes of each compiled state and of its contents, by its own. */
  readonly blobs: ReadonlyMap<string, readonly string[]>;
  /** Places of steps, each text once, by their hashes. */
  readonly places: ReadonlyMap<string, string>;
  /** Compiled states, each once, by their hashes. */
  readonly sheets: ReadonlyMap<string, CompiledSheet>;
  /** Names of the agents that do not have the state. */
  readonly without: readonly string[];
  /** Names of the agents whose state has none of the steps. */
  readonly withoutSteps: readonly string[];
  /** Errors. There are no agents then. */
  readonly problems: readonly PlanProblem[];
}

/**
 * Compiles a state for agents.
 *
 * @throws {PiriError} NOT_FOUND if none of them has the state, or the steps
 */
export async function compileAgents(
  stateName: string,
  records: readonly AgentRecord[],
  { states, only }: {
    readonly states: StateSource;
    /** Words for the only steps to plan; empty for all. */
    readonly only: readonly string[];
  },
): Promise<CompiledAgents> {
  const agents: NewPlanAgent[] = [];
  const sheets = new Map<string, CompiledSheet>();
  const places = new PlaceTexts();
  const without: string[] = [];
  const problems = new Map<string, string[]>();
  for await (
    const { record, facts, sheet } of compiledFor(stateName, records, states)
  ) {
    const { id, version, instance } = record;
    if (!sheet.exists) {
      without.push(id);
      continue;
    }
    for (const text of sheet.problems) {
      problems.set(text, [...problems.get(text) ?? [], id]);
    }
    if (sheet.problems.length > 0) continue;
    sheets.set(sheet.sha256, sheet);
    agents.push({
      agent: id,
      sheet: sheet.sha256,
      places: places.add(sheet.places),
      facts: encodeHex(canonicalHash(facts)),
      usedFacts: usedFacts(sheet.factsAsked, record),
      ownWords: ownWordsOf(id, facts),
      version,
      instance: instance ?? "",
    });
  }
  if (problems.size === 0 && agents.length === 0) {
    throw await noState(stateName, states);
  }
  const lacking = problems.size > 0 ? new Set<string>() : withoutSteps(
    new Map([...sheets].map(([hash, { json }]) => [hash, json])),
    only,
  );
  for (const hash of lacking) sheets.delete(hash);
  const left = agents.filter(({ sheet }) => !lacking.has(sheet));
  const placesOfLeft = places.of(left.map(({ places }) => places));
  return {
    agents: left,
    sheets,
    places: placesOfLeft,
    without,
    withoutSteps: agents.filter(({ sheet }) => lacking.has(sheet))
      .map(({ agent }) => agent),
    blobs: new Map([
      ...[...sheets].map(([hash, { blobs, sources }]) =>
        [hash, [hash, ...blobs.keys(), ...sources.keys()]] as const
      ),
      // They belong to no compiled state, so that no agent gets them.
      ...[...placesOfLeft.keys()].map((hash) => [hash, [hash]] as const),
    ]),
    problems: [...problems].map(([text, agents]) => ({ text, agents })),
  };
}

/** State that was compiled for an agent. */
interface CompiledFor {
  readonly record: AgentRecord;
  /** Facts that its host told, and those that were set. */
  readonly facts: Readonly<Record<string, string>>;
  readonly sheet: CompiledSheet;
}

/** Compiles for several agents at a time, in their order: for each, the disk is asked for files of its own. */
async function* compiledFor(
  stateName: string,
  records: readonly AgentRecord[],
  states: StateSource,
): AsyncGenerator<CompiledFor> {
  for (let at = 0; at < records.length; at += AT_A_TIME) {
    const some = records.slice(at, at + AT_A_TIME);
    yield* await Promise.all(some.map(async (record) => {
      const { id, groups, instance, setFacts } = record;
      const facts = { ...record.facts, ...setFacts };
      const hasTold = instance !== null ||
        Object.keys(record.facts).length > 0;
      const sheet = await states.compile(stateName, {
        id,
        groups,
        facts: hasTold ? facts : undefined,
        setFacts,
      });
      return { record, facts, sheet };
    }));
  }
}

/** Places of steps, which agents with one compiled state may have at several places. */
class PlaceTexts {
  readonly #hashes = new Map<string, string>();

  /** Adds those of an agent. Returns their hash; empty for none. */
  add(text: string): string {
    if (text === "") return "";
    const known = this.#hashes.get(text);
    if (known !== undefined) return known;
    const hash = encodeHex(sha256(text));
    this.#hashes.set(text, hash);
    return hash;
  }

  /** Texts of some hashes. */
  of(hashes: readonly string[]): ReadonlyMap<string, string> {
    const wanted = new Set(hashes);
    return new Map(
      [...this.#hashes].filter(([, hash]) => wanted.has(hash))
        .map(([text, hash]) => [hash, text]),
    );
  }
}

/**
 * Keeps compiled states, the places of their steps, and all that they name by hashes.
 *
 * @throws {PiriError} FAILED_PRECONDITION if a file was changed meanwhile, or there is no room
 */
export async function keepSheets(
  { sheets, places }: Pick<CompiledAgents, "sheets" | "places">,
  { blobs, states }: {
    readonly blobs: Pick<Blobs, "add">;
    readonly states: StateSource;
  },
): Promise<void> {
  const contents = new Map<string, Uint8Array>();
  const sources = new Map<string, string>();
  for (const [hash, text] of places) {
    contents.set(hash, new TextEncoder().encode(text));
  }
  for (const sheet of sheets.values()) {
    contents.set(sheet.sha256, new TextEncoder().encode(sheet.json));
    for (const [hash, bytes] of sheet.blobs) contents.set(hash, bytes);
    for (const [hash, path] of sheet.sources) sources.set(hash, path);
  }
  await blobs.add([...contents.values()]);
  // One at a time, because a file may be large.
  for (const [hash, path] of sources) {
    const [kept] = await blobs.add([await states.read(path)]);
    if (kept === hash) continue;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot plan: the file "${path}" was changed while the state was compiled; plan again`,
    );
  }
}

async function noState(
  name: string,
  states: StateSource,
): Promise<PiriError> {
  if (name === "") {
    return new PiriError(
      "NOT_FOUND",
      "Cannot plan: none of these agents has a state of its own; a first one would be in states/all.yaml of the Manager's folder",
    );
  }
  const named = (await states.names()).filter((each) => each !== "");
  return new PiriError(
    "NOT_FOUND",
    `Cannot plan the state "${name}": none of these agents has it, ${
      didYouMean(name, named, "piri-manager state list shows all")
    }`,
  );
}
