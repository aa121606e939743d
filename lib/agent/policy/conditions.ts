import { globMatches } from "../../base/glob.ts";
import { isWithin } from "../../base/within.ts";
import { pathMatches, realPlace } from "../../operations/guard.ts";
import { argvAllowed, argvDenied } from "./argv_match.ts";
import type { PolicyRequest } from "./request.ts";
import type { AllowRule, DenyRule } from "./rule_schema.ts";

/** True if a denial is about this operation, program, user and time. Its paths are not judged. */
export function isDenialOf(
  rule: DenyRule,
  request: PolicyRequest,
  now: number,
): boolean {
  const { argv, user, within } = rule;
  const { words, program } = request;
  return isAbout(rule, request) &&
    (argv === undefined || (words !== undefined && program !== undefined &&
      argvDenied(argv, words, program))) &&
    (user === undefined || isUser(user, request)) &&
    (within === undefined || isWithin(within, now));
}

/** True if a rule that allows is about this operation and program. Its paths are not judged. */
export function isPermissionOf(
  rule: AllowRule,
  request: PolicyRequest,
): boolean {
  const { words, program } = request;
  return isAbout(rule, request) &&
    (rule.argv === undefined || (words !== undefined && program !== undefined &&
      argvAllowed(rule.argv, words, program)));
}

/** Part of a request that a rule about it does not allow; undefined if there is none. */
export function lackOf(
  { user, within, env = [], stdin = false, cwd: folders = [] }: AllowRule,
  request: PolicyRequest,
  now: number,
): string | undefined {
  if (!allowsOwner(user, request)) {
    const group = request.group === undefined
      ? ""
      : ` with the group "${request.group}"`;
    return `not as "${request.user ?? ""}"${group}`;
  }
  if (within !== undefined && !isWithin(within, now)) {
    return `only within ${within.text}`;
  }
  const variable = request.env
    .find((name) => !env.some((pattern) => globMatches(pattern, name)));
  if (variable !== undefined) return `not with the variable "${variable}"`;
  if (request.hasInput && !stdin) return "not with an input";
  const { cwd } = request;
  if (cwd === undefined) return undefined;
  const real = realPlace(`${cwd}/`);
  return folders.some((pattern) => pathMatches(pattern, real))
    ? undefined
    : `not in the folder "${cwd}"`;
}

function isAbout(rule: DenyRule, { operation, paths }: PolicyRequest): boolean {
  return rule.do.some((pattern) => globMatches(pattern, operation.name)) &&
    (rule.path === undefined || paths.length > 0);
}

/** True if the user and the group that are asked for are those of a rule. */
function allowsOwner(
  rule: string | undefined,
  request: PolicyRequest,
): boolean {
  const { user, group, isOtherUser } = request;
  // Files that keep their owner, and programs that run as the agent itself.
  if (
    group === undefined && !isOtherUser &&
    (rule === undefined || user === undefined)
  ) {
    return true;
  }
  return rule !== undefined && isUser(rule, request) &&
    hasGroup(rule, request);
}

function isUser(rule: string, { user = "" }: PolicyRequest): boolean {
  return rule.split("|")
    .some((each) => globMatches(each.split(":")[0] ?? "", user));
}

function hasGroup(
  rule: string,
  { user = "", group }: PolicyRequest,
): boolean {
  return group === undefined || rule.split("|").some((each) => {
    const [name = "", of] = each.split(":");
    return of !== undefined && globMatches(name, user) &&
      globMatches(of, group);
  });
}
