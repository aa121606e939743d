import { decodeBase64 } from "@std/encoding/base64";
import type { Operation, UsedPath } from "../../operations/operation.ts";
import { textOf } from "../../operations/shell_start.ts";
import { findGroup, findUser, ownUser } from "../../operations/user.ts";
import { type NamedProgram, namedProgram } from "./argv_match.ts";

/** Command as a policy judges it: all that its parameters ask for. */
export interface PolicyRequest {
  readonly operation: Operation;
  readonly paths: readonly UsedPath[];
  /** Undefined for what is no program, and for arguments that are not UTF-8. */
  readonly words: readonly string[] | undefined;
  readonly program: NamedProgram | undefined;
  /** User that a program is to run as, or that files are to belong to; undefined if files keep theirs. */
  readonly user: string | undefined;
  /** True if another user than the agent's own is asked for, or an owner of files. */
  readonly isOtherUser: boolean;
  /** Group that is asked for and not the user's own, by the name that was given. */
  readonly group: string | undefined;
  readonly env: readonly string[];
  readonly hasInput: boolean;
  readonly cwd: string | undefined;
  /** Mask of new files, and mode of files, that are asked for. */
  readonly umask: number | undefined;
  readonly mode: number | undefined;
}

/** Parameters of operations by their names, which mean the same for all. */
interface Parameters {
  readonly argv?: readonly string[];
  readonly "argv_base64"?: readonly string[];
  readonly shell?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string | number;
  readonly group?: string | number;
  readonly umask?: string;
  readonly stdin?: string;
  readonly "stdin_blob"?: string;
  readonly mode?: string | number;
}

/**
 * Finds out what checked parameters ask for.
 *
 * @throws {PiriError} NOT_FOUND for an unknown user or group; UNSUPPORTED on Windows
 */
export async function policyRequest(
  operation: Operation,
  checked: unknown,
): Promise<PolicyRequest> {
  const params = checked as Parameters;
  const words = wordsOf(params);
  const [program] = words ?? [];
  const owner = await ownerOf(operation, params);
  return {
    operation,
    paths: operation.paths?.(params) ?? [],
    words,
    program: program === undefined ? undefined : namedProgram(program),
    ...owner,
    env: Object.keys(params.env ?? {}),
    hasInput: params.stdin !== undefined || params.stdin_blob !== undefined,
    cwd: params.cwd,
    umask: octalOf(params.umask),
    mode: octalOf(params.mode),
  };
}

/** Short text of what is asked for, for people. Long arguments are cut. */
export function requestText(
  { operation: { name }, words, paths }: PolicyRequest,
): string {
  if (words !== undefined) {
    const shown = words.slice(0, SHOWN_WORDS).map((word) =>
      word.length > SHOWN_CHARACTERS
        ? `${word.slice(0, SHOWN_CHARACTERS)}…`
        : word
    );
    const more = words.length > SHOWN_WORDS ? ["…"] : [];
    return `${name} ${JSON.stringify([...shown, ...more])}`;
  }
  const [first] = paths;
  return first === undefined ? name : `${name} ${JSON.stringify(first.path)}`;
}

const SHOWN_WORDS = 10;
const SHOWN_CHARACTERS = 100;

function wordsOf(
  { argv, argv_base64: encoded, shell }: Parameters,
): readonly string[] | undefined {
  if (argv !== undefined) return argv;
  if (shell !== undefined) return ["/bin/sh", "-c", shell];
  if (encoded === undefined) return undefined;
  // As the program will get them.
  const words = encoded.map((text) => textOf(decodeBase64(text)))
    .filter((word) => word !== undefined);
  return words.length === encoded.length ? words : undefined;
}

async function ownerOf(
  { name }: Operation,
  { user, group }: Parameters,
): Promise<Pick<PolicyRequest, "user" | "isOtherUser" | "group">> {
  const own = name === "command.Run" ? await ownUser() : undefined;
  const asked = user === undefined ? own : await findUser(String(user));
  const isOtherGroup = group !== undefined &&
    await findGroup(String(group)) !== asked?.gid;
  return {
    // The user database of some containers does not have the agent's own.
    user: asked?.name ??
      (name === "command.Run" ? String(Deno.uid() ?? "") : undefined),
    isOtherUser: user !== undefined &&
      (own === undefined || own.uid !== asked?.uid),
    group: isOtherGroup ? String(group) : undefined,
  };
}

function octalOf(value: string | number | undefined): number | undefined {
  return typeof value === "string"
    ? parseInt(value.replace(/^0o/, ""), 8)
    : value;
}
