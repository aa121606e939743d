import { isAbsolute } from "@std/path";
import { codeOf, messageOf } from "../../base/errors.ts";
import {
  Guard,
  type GuardBounds,
  pathMatches,
  realPlace,
} from "../../operations/guard.ts";
import type { OwnFiles } from "../../operations/own_obstacle.ts";
import { isDenialOf, isPermissionOf, lackOf } from "./conditions.ts";
import type { Policy } from "./policy.ts";
import { type AllowRule, type DenyRule, isPlainPath } from "./rule_schema.ts";
import { type PolicyRequest, requestText } from "./request.ts";
import { neededSignatures } from "./signatures.ts";
import { standsFor } from "./stands_for.ts";
import type { UsedStatement } from "./signatures.ts";

/** Facts by which a policy decides. */
export interface Around {
  /** Time in milliseconds since 1970. */
  readonly now: number;
  readonly own: OwnFiles | undefined;
  /** Mask that new files of commands have by the agent's settings. */
  readonly umask: number;
}

/** Decision about a command. */
export interface Decision {
  /** Sentence that says why it is refused; undefined if it is allowed. */
  readonly refusal?: string;
  /** Rule that decided, as "allow 2", "deny 1" or "mode: all". */
  readonly rule: string;
  /** Bounds in the host's files; none if absent. */
  readonly bounds?: GuardBounds | undefined;
  /** Statement that the command uses up; undefined if it needs none. */
  readonly used?: UsedStatement | undefined;
}

const NO_RULE = "no rule of this agent's policy allows it";

/** Decides about a request. */
export function decide(
  policy: Policy,
  request: PolicyRequest,
  around: Around,
): Decision {
  const { own } = around;
  const refused = (rule: string, why: string): Decision => ({
    refusal: `Cannot run ${requestText(request)} here: ${why}`,
    rule,
  });
  const { mode, allow, deny } = policy;
  if (mode === "observe" && request.operation.acts) {
    return refused(
      "mode: observe",
      "this agent's policy allows only operations that look",
    );
  }
  const unclear = mode === "all"
    ? undefined
    : ruleObstacle(request, around, mode === "rules");
  if (unclear !== undefined) return refused(`mode: ${mode}`, unclear);
  const meant = standsFor(request.operation.name)
    .map((operation) => ({ ...request, operation }));
  const denials = deny.filter((rule) =>
    [request, ...meant].some((each) => isDenialOf(rule, each, around.now))
  );
  const denial = denials.find(({ path }) => path === undefined);
  if (denial !== undefined) {
    const rule = `deny ${deny.indexOf(denial) + 1}`;
    return refused(rule, `${rule} of this agent's policy forbids it`);
  }
  const denied = denials.flatMap(({ path = [] }) => path);
  if (allow === undefined) {
    const programs = allowsPrograms(policy, request);
    const bounds = { own, deny: denied, programs };
    const why = obstacleIn(bounds, request);
    return why === undefined
      ? { rule: `mode: ${mode}`, bounds }
      : refused(ruleOf(deny, request) ?? `mode: ${mode}`, why);
  }
  return byRules(allow, request, { around, denied, deny, refused });
}

/** True if steps may run programs, which no rule of their own judges: whoever may run the steps may run them all. */
function allowsPrograms(
  policy: Policy,
  { operation: { name } }: PolicyRequest,
): boolean {
  const needed = (each: string) => neededSignatures(policy, each).signatures;
  return policy.mode === "all" &&
    policy.deny.every(({ path }) => path !== undefined) &&
    needed("command.Run") <= needed(name);
}

function byRules(
  allow: readonly AllowRule[],
  request: PolicyRequest,
  { around, denied, deny, refused }: {
    around: Around;
    denied: readonly string[];
    deny: readonly DenyRule[];
    refused: (rule: string, why: string) => Decision;
  },
): Decision {
  const { own, now } = around;
  const about = allow
    .filter((rule) => isPermissionOf(rule, request))
    .map((rule) => ({ rule, lack: lackOf(rule, request, now) }));
  const fitting = about
    .filter(({ lack }) => lack === undefined)
    .map(({ rule }) => rule);
  const [nearest] = about;
  if (fitting.length === 0) {
    const hint = nearest === undefined
      ? ""
      : `; allow ${allow.indexOf(nearest.rule) + 1} would, but ${nearest.lack}`;
    return refused("no rule", `${NO_RULE}${hint}`);
  }
  const isBounded = fitting.every(({ path }) => path !== undefined);
  const paths = isBounded
    ? fitting.flatMap(({ path = [] }) => path)
    : undefined;
  const bounds: GuardBounds = {
    own,
    allow: paths,
    deny: denied,
    programs: false,
  };
  const why = obstacleIn(bounds, request);
  if (why !== undefined) {
    return refused(ruleOf(deny, request) ?? "no rule", why);
  }
  const first = fitting.find(({ path }) =>
    path === undefined ||
    request.paths.every((used) =>
      path.some((each) => pathMatches(each, realPlace(used.path)))
    )
  ) ?? fitting[0];
  const rule = first === undefined ? "" : `allow ${allow.indexOf(first) + 1}`;
  return { rule, bounds };
}

/** Reason against a command that no rule can allow, because it is not clear what it would do. */
function ruleObstacle(
  { operation, words, program, cwd, paths, umask, mode }: PolicyRequest,
  around: Around,
  judgesPrograms: boolean,
): string | undefined {
  if (paths.some(({ path }) => !isPlainPath(path.replace(/(.)\/$/, "$1")))) {
    return 'a path must be absolute and without ".." here';
  }
  if (mode !== undefined && (mode & 0o6000) !== 0) {
    return "no rule allows files that run as their owner (setuid, setgid)";
  }
  if (!judgesPrograms || operation.name !== "command.Run") return undefined;
  if (words === undefined || program === undefined) {
    return "its arguments are not UTF-8, so that no rule can be compared with them";
  }
  if (!isPlainPath(program.given)) {
    return `under rules, a program is named by its full path, because PATH is not searched; "${program.given}" is none`;
  }
  if (cwd !== undefined && !isPlainPath(cwd)) {
    return 'its folder must be absolute and without ".." here';
  }
  if (umask !== undefined && (umask & around.umask) !== around.umask) {
    return `no rule allows a umask that leaves others more than that of this agent, ${
      around.umask.toString(8).padStart(3, "0")
    }`;
  }
  const guard = new Guard({ own: around.own });
  for (const path of [...words.flatMap(pathsIn), ...cwd ? [`${cwd}/`] : []]) {
    const why = guard.obstacle("read", path);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Absolute paths in an argument, also behind "=" and the like. */
function pathsIn(word: string): string[] {
  return [word, ...word.split(/[=:,@]/)].filter((part) => isAbsolute(part));
}

function obstacleIn(
  bounds: GuardBounds,
  { paths }: PolicyRequest,
): string | undefined {
  const guard = new Guard(bounds);
  for (const { use, path } of paths) {
    const why = guard.obstacle(use, path);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Denial by which a path is refused, if one is. */
function ruleOf(
  deny: readonly DenyRule[],
  { paths }: PolicyRequest,
): string | undefined {
  const index = deny.findIndex(({ path = [] }) =>
    paths.some((used) =>
      path.some((each) => pathMatches(`${each}/**`, realPlace(used.path)))
    )
  );
  return index < 0 ? undefined : `deny ${index + 1}`;
}

/** Decision about a command whose parameters cannot be read, for a reason. */
export function undecidable(name: string, error: unknown): Decision {
  return {
    refusal: `Cannot run ${name} here: ${
      messageOf(error).replace(/^Cannot [^:]*: /, "")
    }`,
    rule: codeOf(error),
  };
}
