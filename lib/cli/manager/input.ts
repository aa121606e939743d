import { PiriError } from "../../base/errors.ts";
import type { InputFile } from "../input_file.ts";
import type { Terminal } from "../terminal.ts";
import { decodeExactly } from "../utf8.ts";
import { beforeStart } from "./before_start.ts";
import type { Control } from "./services.ts";
import { hashInput, upload } from "./upload.ts";

/** Longest text that travels with the command itself, in bytes. */
const INLINE_BYTES = 65_536;

/** Longest JSON of such a text, in characters: each control character takes six. */
const INLINE_JSON = 131_072;

/** Flags of `run` for the input of the program. */
export const INPUT_FLAGS = {
  stdin: {
    type: "string",
    apart: ["stdin-file"],
    value: "FILE",
    summary:
      'standard input of the program: a file here of any size, or "-" for stdin',
  },
  "stdin-file": {
    type: "string",
    value: "FILE",
    summary: "former name of --stdin",
    isHidden: true,
  },
} as const;

/** Values of these flags. */
export interface InputFlags {
  readonly stdin: string | undefined;
  readonly "stdin-file": string | undefined;
}

/**
 * Path of the input in the flags.
 *
 * @throws {PiriError} INVALID_ARGUMENT if both are given, or it is not for a program
 */
export function inputPath(
  { stdin, "stdin-file": former }: InputFlags,
  op: string | undefined,
): string | undefined {
  if (stdin !== undefined && former !== undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot use "--stdin" and "--stdin-file": they are one flag',
    );
  }
  const path = stdin ?? former;
  if (path === undefined || op === undefined) return path;
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot run: --stdin goes with a program, and not with --op",
  );
}

/** Means of sending the input. */
export interface InputContext {
  readonly connect: () => Promise<Control>;
  readonly terminal: Terminal;
  /** True if the program is wanted though nobody reads what is printed. */
  readonly unread: boolean;
}

/** Parameters for the input of a program. */
export type InputParams = Readonly<
  Partial<Record<"stdin" | "stdin_blob", string>>
>;

/**
 * Parameters for the input of a program: short text itself, or the SHA-256 of what is sent to the Manager first.
 *
 * @throws {PiriError} as `upload`; NOT_FOUND, DENIED, DISK
 */
export async function inputParams(
  path: string | undefined,
  context: InputContext,
): Promise<InputParams> {
  if (path === undefined) return {};
  const { terminal, unread } = context;
  const work = {
    doing: "sending the input",
    fate: "nothing was started",
    unread,
  };
  return await beforeStart(
    terminal,
    work,
    (signal) => send(path, { ...context, signal }),
  );
}

async function send(
  path: string,
  { connect, terminal, signal }: InputContext & {
    readonly signal: AbortSignal;
  },
): Promise<InputParams> {
  using input = await terminal.openInput(path);
  const buffer = new Uint8Array(INLINE_BYTES);
  const head = buffer.subarray(0, await input.fill(buffer));
  const text = head.length < INLINE_BYTES ? decodeExactly(head) : undefined;
  if (text !== undefined && JSON.stringify(text).length <= INLINE_JSON) {
    return { stdin: text };
  }
  // A Manager that is not there at all is told at once; only for one that goes away is it worth to wait.
  using control = await connect();
  const context = { connect, terminal, signal };
  const all = joined(head, input);
  if (input.size === undefined) {
    return { stdin_blob: await upload(all, context) };
  }
  const sha256 = await hashFile(path, terminal);
  const { known } = await control.blobs.findBlobs({ sha256: [sha256] });
  if (known.length === 0) await upload(all, { ...context, sha256 });
  return { stdin_blob: sha256 };
}

async function hashFile(path: string, terminal: Terminal): Promise<string> {
  using file = await terminal.openInput(path);
  return await hashInput(file);
}

/** Input that begins with bytes that were read before. */
function joined(head: Uint8Array, rest: InputFile): InputFile {
  let left = head;
  return {
    size: rest.size,
    async fill(buffer) {
      const count = Math.min(left.length, buffer.length);
      buffer.set(left.subarray(0, count));
      left = left.subarray(count);
      return count + await rest.fill(buffer.subarray(count));
    },
    [Symbol.dispose]() {},
  };
}
