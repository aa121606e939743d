import type {
  Agent,
  Target,
  TargetSelectionInit,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand, type TypedInvocation } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { launchJob, SKIP_DENIED } from "./job/launch_job.ts";
import { DEFAULT_VIEW } from "./job/view_flags.ts";
import { tellLeftOut } from "./left_out.ts";
import type { Control, ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";
import {
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
  withTargetHint,
} from "./target_flags.ts";

const flags = {
  detach: {
    type: "boolean",
    summary: "refresh: print the id of the job and do not wait",
  },
  "skip-denied": { type: "boolean", summary: `refresh: ${SKIP_DENIED}` },
  color: COLOUR_FLAG,
  ...TARGET_FLAGS,
} as const;
const positionals = {
  target: {
    type: "any",
    summary:
      'names or target expressions; the word "refresh" before them lets the agents collect their facts anew',
  },
} as const;

/** `facts web-1` shows the facts of agents, and `facts refresh EXPR` lets the agents collect them anew. */
export const facts = defineSubcommand({
  name: "facts",
  summary: "show the facts of agents, or collect them anew",
  positionals,
  flags,
  examples: ["web-1", "'web-*' --json", "refresh all --connected"],
  more: [TARGET_HELP],
  async execute(
    invocation: TypedInvocation<typeof flags, typeof positionals>,
    services: ManagerServices,
  ) {
    const { positionals, dir } = invocation;
    const [first, ...others] = positionals.target;
    const isRefresh = first === "refresh";
    const expressions = isRefresh ? others : positionals.target;
    const selection = await selectionOf(
      expressions,
      invocation.flags,
      invocation,
    );
    const connect = () => services.connect(dir);
    if (isRefresh) return await refresh(selection, invocation, connect);
    using control = await connect();
    const found = await withTargetHint(
      control.agents.resolveTargets({ selection }),
      selection,
    );
    await tellLeftOut(found, invocation.output);
    return await show(found.targets, invocation, control);
  },
});

type Invoked = TypedInvocation<typeof flags, typeof positionals>;

/** A fact of an agent. */
interface Row {
  readonly agent: string;
  readonly fact: string;
  readonly value: string;
  /** Source of the fact: the agent, or an operator. */
  readonly from: "agent" | "manager";
}

async function show(
  targets: readonly Target[],
  { json, output }: Invoked,
  control: Control,
): Promise<number> {
  const { agents } = await control.agents.listAgents({});
  const byName = new Map(agents.map((agent) => [agent.id, agent]));
  const meant = targets.flatMap(({ name }) => byName.get(name) ?? []);
  if (json) {
    for (const { id, facts, setFacts } of meant) {
      await output.value({ id, facts, setFacts });
    }
    return ExitCode.ok;
  }
  const agent = meant.length === 1 ? {} : { AGENT: ({ agent }: Row) => agent };
  await output.list(meant.flatMap(rowsOf), {
    json: (row) => row,
    columns: {
      ...agent,
      FACT: ({ fact }) => fact,
      FROM: ({ from }) => from,
      // Last, since some are long, and nothing is padded to the width of the last column.
      VALUE: ({ value }) => value,
    },
  });
  return ExitCode.ok;
}

function rowsOf({ id, facts, setFacts }: Agent): Row[] {
  return Object.entries(facts)
    .toSorted(([one], [other]) => one < other ? -1 : 1)
    .map(([fact, value]) => ({
      agent: id,
      fact,
      value,
      from: Object.hasOwn(setFacts, fact) ? "manager" : "agent",
    }));
}

async function refresh(
  targets: TargetSelectionInit,
  invocation: Invoked,
  connect: () => Promise<Control>,
): Promise<number> {
  // One id for all attempts to send the request, so that it starts nothing twice.
  const request = {
    targets,
    operation: "agent.Facts",
    params: "{}",
    skipDenied: invocation.flags["skip-denied"],
    ...signatureOf(invocation.terminal),
  };
  const { json, flags: { color, detach } } = invocation;
  return await launchJob({
    start: (control, { signal }) => control.jobs.startJob(request, { signal }),
    explain: (answer) => withTargetHint(answer, targets),
  }, {
    ...invocation,
    connect,
    flags: { ...DEFAULT_VIEW, color, quiet: !json, detach },
  });
}
