import type {
  Agent,
  Release,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import {
  launchJob,
  WHILE_A_JOB_RUNS,
  WHILE_A_JOB_WAITS,
} from "./job/launch_job.ts";
import { LIMIT_FLAGS, limitsOf } from "./job/limit_flags.ts";
import { DEFAULT_VIEW } from "./job/view_flags.ts";
import { paramsText } from "./request_size.ts";
import type { Control, ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";
import {
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
  withTargetHint,
} from "./target_flags.ts";

/** Longest time of a wait, in milliseconds. */
const MAX_MS = 86_400_000;

/** `update 'web-*' --to 0.3.0`: replaces agents by another version. */
export const update = defineSubcommand({
  name: "update",
  summary: "replace agents by another version, with a way back",
  positionals: {
    target: { type: "any", summary: "names or target expressions" },
  },
  flags: {
    to: {
      type: "string",
      apart: ["back"],
      value: "VERSION",
      summary: "version to install, of piri-manager release list",
    },
    back: {
      type: "boolean",
      summary: "go back to the version before, instead of --to",
    },
    "allow-downgrade": {
      type: "boolean",
      summary: "allow a version below the one that runs",
    },
    confirm: {
      type: "duration",
      value: "TIME",
      summary:
        "time for which a new version has to stay connected (default: 1m)",
      most: MAX_MS,
    },
    "when-idle": {
      type: "duration",
      value: "TIME",
      summary:
        "wait this long for running commands, and fail if they still run; without it they are ended",
      most: MAX_MS,
    },
    plan: {
      type: "boolean",
      summary: "show what would be done, and do nothing",
    },
    detach: {
      type: "boolean",
      summary: "print the id of the job and do not wait",
    },
    name: {
      type: "string",
      value: "NAME",
      summary: "name of the job, which job list --text finds",
    },
    note: {
      type: "string",
      value: "TEXT",
      summary: "note of the job, for people",
    },
    color: COLOUR_FLAG,
    ...TARGET_FLAGS,
    ...LIMIT_FLAGS,
  },
  more: [TARGET_HELP, WHILE_A_JOB_RUNS, WHILE_A_JOB_WAITS, {
    title: "Which agents come first",
    lines: [
      ["--canary", "these"],
      ["without it", "one agent of each system and processor"],
    ],
  }],
  examples: [
    "'web-*' --to 0.3.0 --plan",
    "'web-*' --to 0.3.0 --batch 10% --max-failures 2 --pause 5m",
    "web-1 --to 0.3.0 --when-idle 30m --confirm 2m",
    "web-1 --back",
  ],
  async execute(invocation, services: ManagerServices) {
    const { positionals, flags, dir, json, output, terminal } = invocation;
    const { to, back, confirm, plan, color, detach } = flags;
    requireOne(to, back);
    const selection = await selectionOf(positionals.target, flags, invocation);
    const limits = limitsOf(flags);
    const steps = await stepsOf(() => services.connect(dir), selection, to);
    if (plan) {
      await output.list(steps, {
        json: (step) => step,
        columns: {
          NAME: ({ name }) => name,
          VERSION: ({ version }) => version,
          TARGET: ({ target }) => target,
          STEP: ({ step }) => step,
        },
      });
      return ExitCode.ok;
    }
    const idle = flags["when-idle"];
    const params = {
      ...to === undefined ? {} : { version: to },
      ...back ? { back } : {},
      ...flags["allow-downgrade"] ? { allowDowngrade: true } : {},
      ...confirm === undefined ? {} : { confirmMs: confirm },
      ...idle === undefined ? {} : { idleMs: idle },
    };
    const first = flags.canary === undefined && flags.limit === undefined
      ? firstOf(steps)
      : [];
    const request = {
      targets: selection,
      operation: "agent.Update",
      params: paramsText(params),
      limits: {
        ...limits,
        ...first.length === 0 ? {} : { canaryTargets: first },
      },
      name: flags.name ?? (to === undefined ? "update back" : `update ${to}`),
      note: flags.note ?? "",
      acceptApproval: true,
      ...signatureOf(terminal),
    };
    return await launchJob({
      start: (control, { signal }) =>
        control.jobs.startJob(request, { signal }),
      explain: (answer) => withTargetHint(answer, selection),
    }, {
      flags: { ...DEFAULT_VIEW, color, detach },
      json,
      output,
      terminal,
      connect: () => services.connect(dir),
    });
  },
});

/** Step of one agent in an update. */
interface UpdateStep {
  readonly name: string;
  readonly state: "connected" | "away";
  readonly version: string;
  /** System and processor; empty if they are not known. */
  readonly target: string;
  /** Words for what is to happen. */
  readonly step: string;
}

function requireOne(to: string | undefined, back: boolean): void {
  if ((to === undefined) === back) return;
  throw new HintedError(
    "INVALID_ARGUMENT",
    back
      ? 'Cannot use "--to" with "--back"'
      : "Cannot update: no version is given",
    "piri-manager release list shows the versions for --to",
  );
}

/** Resolves what is to happen on each agent. */
async function stepsOf(
  connect: () => Promise<Control>,
  selection: Awaited<ReturnType<typeof selectionOf>>,
  to: string | undefined,
): Promise<UpdateStep[]> {
  using control = await connect();
  const found = await withTargetHint(
    control.agents.resolveTargets({ selection }),
    selection,
  );
  const release = to === undefined ? undefined : await releaseOf(control, to);
  const { agents } = await control.agents.listAgents({});
  const known = new Map(agents.map((agent) => [agent.id, agent]));
  return found.targets.map(({ name, connected }) => {
    const agent = known.get(name);
    return {
      name,
      state: connected ? "connected" : "away",
      version: agent?.version ?? "",
      target: agent?.facts["installation.target"] ?? "",
      step: stepOf(agent, connected, release),
    };
  });
}

async function releaseOf(control: Control, to: string): Promise<Release> {
  const { releases } = await control.releases.listReleases({});
  const found = releases.find(({ version }) => version === to);
  if (found !== undefined) return found;
  const versions = releases.map(({ version }) => version).join(", ");
  throw new PiriError(
    "NOT_FOUND",
    `Cannot update to version ${to}: the Manager has no such release, ${
      versions === ""
        ? "and no other; piri-manager release add keeps one"
        : `only ${versions}`
    }`,
  );
}

function stepOf(
  agent: Agent | undefined,
  connected: boolean,
  release: Release | undefined,
): string {
  const facts = agent?.facts ?? {};
  const { ["installation.kind"]: kind, ["installation.target"]: target } =
    facts;
  if (kind === undefined) {
    return agent?.version === "" || agent === undefined
      ? "it never connected"
      : "not possible: this version cannot replace itself";
  }
  if (kind === "package") return "not possible: it belongs to a package";
  if (kind === "loose") return "not possible: it is not a service";
  const away = connected ? "" : ", once it is connected (--queue)";
  if (release === undefined) return `go back to the version before${away}`;
  if (agent?.version === release.version) return "none: it runs this version";
  const product = facts["policy.edition"] === "observe"
    ? "piri-agent-observe"
    : "piri-agent";
  const file = release.files.find((each) =>
    each.product === product && each.target === target
  );
  if (file === undefined) {
    return `not possible: the release has no ${product} for ${target}`;
  }
  return file.here
    ? `update to ${release.version}${away}`
    : `not possible: the Manager lacks ${file.name}`;
}

/** One connected agent of each system and processor. Of a single one, none has to come first. */
function firstOf(steps: readonly UpdateStep[]): string[] {
  if (steps.length < 2) return [];
  const first = new Map<string, string>();
  for (const { name, state, target, step } of steps) {
    const goes = /^(update to|go back)/.test(step) && state === "connected";
    if (goes && !first.has(target)) first.set(target, name);
  }
  return [...first.values()];
}
