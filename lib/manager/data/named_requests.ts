import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import * as v from "valibot";
import { PiriError } from "../../base/errors.ts";
import { jsonObject } from "../../base/json_object.ts";
import { Limits } from "../../base/limits.ts";
import type { FileFacts, FileLibrary } from "./file_library.ts";
import type { DataOwner } from "./layers.ts";
import { moduleFile } from "./operation_module.ts";

/** Largest operation module, in bytes. */
const MAX_MODULE_BYTES = 32_768;

/** Means of an answer. */
export interface NamedContext {
  readonly files: FileLibrary;
  readonly owner: DataOwner;
  /** Most bytes of the answer. */
  readonly maxBytes: number;
  /** Answers a request of the first legacy agents, with JSON. */
  readonly first: (type: "data" | "state", params: unknown) => Promise<string>;
}

type NamedAnswer = (
  params: string,
  context: NamedContext,
) => Promise<string>;

/** Number that may be null: an agent without the file has none to tell. */
const known = v.nullable(v.number());

/**
 * Requests of legacy agents of the second protocol (docs/protocol.md): each has a name, its parameters are a JSON object,
 * and every answer is JSON, with bytes as base64.
 */
export const NAMED_REQUESTS: ReadonlyMap<string, NamedAnswer> = new Map([
  named("data", { name: v.string() }, async ({ name }, { owner, first }) => {
    if (name === "<agent_id>") return JSON.stringify(owner.id);
    if (name === "<groups>") return JSON.stringify(owner.groups);
    return await first("data", { key: name });
  }),
  named(
    "stateDefinition",
    { state_name: v.optional(v.nullable(v.string())) },
    ({ state_name }, { first }) => first("state", { name: state_name ?? "" }),
  ),
  named("dataFileStat", { path: v.string() }, async ({ path }, context) => {
    const facts = await context.files.facts(context.owner, path);
    return JSON.stringify({ mtime: secondsOf(facts), size: facts.size });
  }),
  named("dataFileHash", { path: v.string() }, async ({ path }, context) => {
    const { sha256 } = await context.files.hash(context.owner, path);
    return JSON.stringify(encodeHex(sha256));
  }),
  named("dataFileContents", {
    filename: v.string(),
    offset: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    length: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  }, async ({ filename, offset, length }, { files, owner, maxBytes }) => {
    const bytes = await files.read(owner, filename, {
      offset,
      length: Math.min(length, Limits.chunk, bytesInBase64(maxBytes)),
    });
    return JSON.stringify(encodeBase64(bytes));
  }),
  named("operationModule", {
    name: v.string(),
    existing_mtime: known,
    existing_size: known,
  }, async ({ name, existing_mtime, existing_size }, { files, owner }) => {
    const file = moduleFile(name);
    const facts = await files.facts(owner, file);
    const mtime = secondsOf(facts);
    if (mtime === existing_mtime && facts.size === existing_size) {
      return JSON.stringify({ changed: false });
    }
    const bytes = await files.read(owner, file, {
      offset: 0,
      length: MAX_MODULE_BYTES + 1,
    });
    if (bytes.length > MAX_MODULE_BYTES) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot answer with the file "${file}": it is over the limit of ${MAX_MODULE_BYTES} bytes`,
      );
    }
    return JSON.stringify({
      changed: true,
      content: encodeBase64(bytes),
      mtime,
      size: bytes.length,
    });
  }),
]);

/** True for a request of the second legacy protocol. Both have "data", which is told apart by its parameters. */
export function isNamed(type: string, params: string): boolean {
  if (!NAMED_REQUESTS.has(type)) return false;
  return type !== "data" ||
    v.is(v.object({ name: v.string() }), jsonObject(params));
}

function named<Entries extends v.ObjectEntries>(
  name: string,
  entries: Entries,
  answer: (
    params: v.InferOutput<v.ObjectSchema<Entries, undefined>>,
    context: NamedContext,
  ) => Promise<string>,
): [string, NamedAnswer] {
  const schema = v.object(entries);
  return [name, async (params, context) => {
    const result = v.safeParse(schema, jsonObject(params));
    if (result.success) return await answer(result.output, context);
    const [issue] = result.issues;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot answer the request: "${
        v.getDotPath(issue) ?? "data"
      }" is missing or wrong`,
    );
  }];
}

function secondsOf({ mtimeMs }: FileFacts): number {
  return mtimeMs / 1_000;
}

/** Bytes whose base64 fits into a JSON string of this size. */
function bytesInBase64(size: number): number {
  return Math.floor((size - 2) / 4) * 3;
}
