import { createHash } from "node:crypto";
import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import * as v from "valibot";
import { PiriError } from "./errors.ts";

/** Kind of line that people copy from one machine to another. */
export interface LineKind<T> {
  /** Words for people, such as "the join token". */
  readonly noun: string;
  /** Begin of each line, before its version. */
  readonly prefix: string;
  /** Version that this build writes and reads. */
  readonly version: number;
  readonly payload: v.GenericSchema<unknown, T>;
}

const CHECKSUM_LENGTH = 8;

/** A value as one line: version, JSON in base64url, and a checksum that finds a bad copy before it is used. */
export function encodeLine<T>(
  { prefix, version }: LineKind<T>,
  payload: Readonly<Record<string, unknown>>,
): string {
  const text = `${prefix}${version}-${
    encodeBase64Url(JSON.stringify(payload))
  }`;
  return `${text}-${checksumOf(text)}`;
}

/**
 * Reads a line. Line breaks and spaces that a terminal or a mail put in do no harm. Messages never repeat the line.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseLine<T>(kind: LineKind<T>, line: string): T {
  const { noun, prefix, version, payload } = kind;
  const refuse = (reason: string) =>
    new PiriError("INVALID_ARGUMENT", `Cannot read ${noun}: ${reason}`);
  const words = line.replaceAll(/\s/g, "");
  const found = new RegExp(`^${prefix}([0-9]+)-`).exec(words)?.[1];
  if (found === undefined) {
    throw refuse(`it does not begin with "${prefix}${version}-"`);
  }
  if (Number(found) !== version) {
    throw refuse(
      `it is of version ${found}, and this build reads version ${version}`,
    );
  }
  const end = words.length - CHECKSUM_LENGTH - 1;
  const text = words.slice(0, end);
  if (words[end] !== "-" || checksumOf(text) !== words.slice(end + 1)) {
    throw refuse("its checksum is wrong, so it was cut short or mistyped");
  }
  const encoded = text.slice(prefix.length + found.length + 1);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(decodeBase64Url(encoded)));
  } catch {
    throw refuse("what it holds is not JSON");
  }
  const result = v.safeParse(payload, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  // Only addresses have a reason, which names the part that cannot be read. No other part is repeated.
  const reason = issue.type === "raw_transform" ? `: ${issue.message}` : "";
  throw refuse(`its ${v.getDotPath(issue) ?? "content"} is wrong${reason}`);
}

function checksumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(
    0,
    CHECKSUM_LENGTH,
  );
}
