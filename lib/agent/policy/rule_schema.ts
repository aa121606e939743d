import * as v from "valibot";
import { globMatches } from "../../base/glob.ts";
import { didYouMean } from "../../base/nearest.ts";
import { readBy } from "../../base/settings.ts";
import { parseWithin, type Within } from "../../base/within.ts";
import { operations } from "../../operations/registry.ts";

/** Conditions of a rule. All of them must hold; absent ones do. */
export interface DenyRule {
  /** Operations by their names, with "*". */
  readonly do: readonly string[];
  /** Program and arguments: alternatives with "*", joined by "|"; "..." at the end stands for any further ones. */
  readonly argv?: readonly string[] | undefined;
  /** Patterns of absolute paths. */
  readonly path?: readonly string[] | undefined;
  /** User that a program runs as, or a file belongs to: alternatives with "*", each NAME or NAME:GROUP. */
  readonly user?: string | undefined;
  readonly within?: Within | undefined;
}

/** Rule that allows. What it does not name, a command may not have. */
export interface AllowRule extends DenyRule {
  /** Names of variables that a command may add. */
  readonly env?: readonly string[] | undefined;
  /** True if a program may be given an input. */
  readonly stdin?: boolean | undefined;
  /** Patterns of folders that a program may start in, besides the home of its user. */
  readonly cwd?: readonly string[] | undefined;
}

/** Word at the end of `argv` that stands for any further arguments. */
export const MORE = "...";

const names: readonly string[] = operations.map(({ name }) => name);

function list<Item extends v.GenericSchema<string, unknown>>(
  item: Item,
  what: string,
) {
  const one = v.pipe(item, v.transform((value) => [value]));
  const many = v.pipe(
    v.array(item, what),
    v.minLength(1, "the list is empty"),
  );
  return v.lazy((input) => Array.isArray(input) ? many : one);
}

const operation = v.pipe(
  v.string("it should be names of operations, as command.Run or file.*"),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { value } = dataset;
    if (names.some((name) => globMatches(value, name))) return;
    addIssue({
      message: `this version has no operation "${value}"; ${
        didYouMean(value, names, `it has ${names.join(", ")}`)
      }`,
    });
  }),
);

const MUST_BE_PATH =
  'it should be absolute paths, as /etc/nginx/** for all below a folder, without "..", and without "/" at the end';

const ON_WINDOWS =
  "it needs Linux or macOS, because Windows has many spellings of a path";

function isNotWindows(): boolean {
  return Deno.build.os !== "windows";
}

const path = v.pipe(
  v.string(MUST_BE_PATH),
  v.check(isNotWindows, ON_WINDOWS),
  v.check(isPlainPath, MUST_BE_PATH),
  v.check(
    (text) => !text.replace(/\/\*\*$/, "").includes("**"),
    '"**" should be the last part of a path, as in /etc/nginx/**',
  ),
);

/** True for an absolute path without "." and "..", doubled and closing slashes. */
export function isPlainPath(text: string): boolean {
  return text.startsWith("/") &&
    text.slice(1).split("/").every((part) => !["", ".", ".."].includes(part));
}

const argv = v.pipe(
  v.array(
    v.string("it should be text in quotes"),
    'it should be a list of the program and its arguments, as ["/usr/bin/systemctl", "restart", "nginx"]',
  ),
  v.check(isNotWindows, ON_WINDOWS),
  v.check(
    ([program]) => program !== undefined && program !== MORE,
    "it should begin with a program; leave argv out if it may be any",
  ),
  v.check(
    ([program = ""]) => program.split("|").every(isPlainPath),
    "a program should be an absolute path, because PATH is not searched under rules",
  ),
  v.check(
    (words) => !words.slice(0, -1).includes(MORE),
    `"${MORE}" should be the last word`,
  ),
);

/** Schema of names of operations, with "*". */
export const OperationsSchema = list(
  operation,
  "it should be names of operations",
);

const conditions = {
  do: OperationsSchema,
  argv: v.optional(argv),
  path: v.optional(list(path, MUST_BE_PATH)),
  user: v.optional(v.pipe(
    v.string("it should be a name of a user"),
    v.regex(
      /^[^\s|:]+(?::[^\s|:]+)?(?:\|[^\s|:]+(?::[^\s|:]+)?)*$/,
      "it should be users, as root, www-data:adm or root|deploy",
    ),
  )),
  within: v.optional(readBy(parseWithin)),
};

export const DenySchema = v.strictObject(conditions);

export const AllowSchema = v.strictObject({
  ...conditions,
  env: v.optional(list(
    v.pipe(
      v.string("it should be names of variables"),
      v.regex(/^[^=\0]+$/, "it should be names of variables, without ="),
    ),
    "it should be names of variables",
  )),
  stdin: v.optional(v.boolean("it should be true or false")),
  cwd: v.optional(list(path, MUST_BE_PATH)),
});
