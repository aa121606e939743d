import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../base/sha256.ts";
import { canonicalJson } from "../base/statement.ts";
import { MAX_SHEET_BYTES } from "../steps/parse_sheet.ts";
import type { Sheet } from "../steps/sheet.ts";
import type { StepDescription } from "../steps/step_operation.ts";
import { CustomModuleUse } from "./custom/custom_module_use.ts";
import type { CustomModules } from "./custom/custom_modules.ts";
import { AgentDrop } from "./agent_drop.ts";
import { Blobs } from "./blobs.ts";
import type { CompiledAgent } from "./compile_input.ts";
import type { CompiledState } from "./compiled_state.ts";
import type { ContentFiles } from "./content_files.ts";
import { ItemExpansion } from "./expand_items.ts";
import type { Scope } from "./expressions.ts";
import { FactDrop, type FactReads } from "./fact_drop.ts";
import type { Interpolation } from "./interpolate.ts";
import { linkSteps } from "./link_steps.ts";
import { lintSteps } from "./lint_steps.ts";
import { Problems } from "./problems.ts";
import { sizeOf } from "./read_parameter.ts";
import { SecretsDrop } from "./secret_text.ts";
import type { StateFiles } from "./state_files.ts";

/** Parts that all compilations share. */
export interface CompileParts {
  readonly states: StateFiles;
  readonly names: () => Promise<readonly string[]>;
  readonly operations: ReadonlyMap<string, StepDescription>;
  readonly interpolation: Interpolation;
  readonly files: ContentFiles;
  readonly modules: CustomModules;
}

/** Compiles a state for an agent: a sheet, or all that is wrong with it. */
export async function compileState(
  state: string,
  { agent, facts, onAgentRead, parts }: {
    readonly agent: CompiledAgent;
    readonly facts: FactReads;
    /** Called when the state depends on the agent's own name. */
    readonly onAgentRead: () => void;
    readonly parts: CompileParts;
  },
): Promise<CompiledState> {
  const problems = new Problems();
  const blobs = new Blobs();
  const modules = new CustomModuleUse(parts.modules, {
    owner: agent,
    problems,
  });
  const expansion = new ItemExpansion({
    ...parts,
    modules,
    owner: agent,
    facts,
    blobs,
    problems,
  });
  await expansion.state(state, scopeOf(agent, facts, onAgentRead));
  const { paths: files } = await parts.states.itemsOf(state, agent);
  const { drafts, leftOut } = expansion;
  const failed = {
    sheet: undefined,
    json: "",
    sha256: "",
    places: [],
    blobs: new Map<string, Uint8Array>(),
    sources: new Map<string, string>(),
    leftOut,
    warnings: [],
    files,
    includes: [...expansion.includes].toSorted(),
    factsAsked: [...facts.read.keys()],
    absentFacts: facts.absent,
  };
  // A step with an error is missing, so a reference to it would be an error as well.
  const linked = problems.all.length > 0
    ? undefined
    : linkSteps(drafts, leftOut.map(({ name }) => name), problems);
  if (linked === undefined) return { ...failed, problems: problems.all };
  const used = modules.partOf(linked.steps, blobs);
  const sheet: Sheet = { format: 1, state, steps: linked.steps, ...used };
  const json = canonicalJson(sheet);
  const size = sizeOf(json);
  if (size > MAX_SHEET_BYTES) {
    problems.add(
      { file: files.at(-1) ?? "states", line: 1, column: 1 },
      `Cannot use this state: its sheet of ${size} bytes is over the limit of ${MAX_SHEET_BYTES}`,
    );
    return { ...failed, problems: problems.all };
  }
  return {
    ...failed,
    sheet,
    json,
    sha256: encodeHex(sha256(json)),
    places: linked.drafts.map(({ name, place, chain }) => ({
      name,
      place,
      chain,
    })),
    blobs: blobs.all,
    sources: blobs.sources,
    leftOut: [
      ...leftOut,
      ...linked.leftOut.map(({ name, place }) => ({ name, place })),
    ],
    problems: [],
    warnings: lintSteps(linked.steps, linked.drafts),
  };
}

/** Names that expressions may use. Those of the data give way to all others. */
function scopeOf(
  agent: CompiledAgent,
  facts: FactReads,
  onAgentRead: () => void,
): Scope {
  return {
    ...agent.data,
    data: agent.data,
    facts: new FactDrop(facts),
    agent: new AgentDrop(agent.id, onAgentRead),
    groups: agent.groups,
    vars: {},
    secrets: new SecretsDrop(agent.secrets),
  };
}
