import * as v from "valibot";
import { createHash } from "node:crypto";
import { isAbsolute } from "@std/path";
import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../base/errors.ts";
import type {
  DataSource,
  Operation,
  OperationContext,
  Outcome,
} from "./operation.ts";
import {
  type Attributes,
  hashOf,
  NewFile,
  setAttributes,
  targetAt,
  type TargetFile,
} from "./target_file.ts";
import { findGroup, findUser } from "./user.ts";

/** Bytes of a file that a legacy frame carries. */
const PIECE_BYTES = 64_536;

const account = v.union([v.string(), v.pipe(v.number(), v.integer())]);

const parameters = v.strictObject({
  path: v.pipe(
    v.string(),
    v.check(isAbsolute, "Expected an absolute path"),
    v.description("Where to put it: an absolute path"),
  ),
  source: v.pipe(
    v.string(),
    v.description("The file's name in the Manager's data"),
  ),
  method: v.optional(v.pipe(
    v.picklist(["hash", "mtime", "stat", "content"]),
    v.description(
      "How to see that it is there already; hash by default. With content, the source is the text of the file itself",
    ),
  )),
  overwrite: v.optional(v.pipe(
    v.boolean(),
    v.description(
      "Whether a file that is there may be replaced; true if absent",
    ),
  )),
  user: v.optional(v.pipe(
    account,
    v.description("Its owner, a name or number; needs an agent that is root"),
  )),
  group: v.optional(v.pipe(
    account,
    v.description("Its group, a name or number"),
  )),
  mode: v.optional(v.pipe(
    v.union([
      v.pipe(v.string(), v.regex(/^(0o?)?[0-7]{3,4}$/)),
      v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o7777)),
    ], "Expected an octal number as 0644"),
    v.description("Its mode: octal text, or a number"),
  )),
});

type Params = v.InferOutput<typeof parameters>;

/** Writes a file of the Manager's data to the host, whole or not at all. Uses the requests of legacy Managers. */
export const fileInstalled: Operation<typeof parameters> = {
  name: "file.Installed",
  description:
    "Puts a file from the Manager's data on the host, as Managers of 2024 ask for it; file.Fetch does it better",
  parameters,
  // deno-lint-ignore require-yield
  async *run(params, context) {
    const wanted = await attributesOf(params);
    const target = await targetAt(params.path);
    const source = await contentToWrite(params, target, context);
    if (source === undefined) {
      const changed = await setAttributes(
        params.path,
        wanted,
        target?.attributes ?? {},
      );
      return told(params, changed, "the file was there already");
    }
    const written = await write(params, source, {
      context,
      attributes: { ...target?.attributes, ...wanted },
    });
    return told(params, true, `${written} bytes were written`);
  },
};

/** Hash or time of the Manager's file, which the written file must match, or the text to write. */
interface Source {
  readonly sha256?: string;
  /** Seconds since 1970. */
  readonly mtime?: number;
  readonly text?: string;
}

const statSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ size: v.number(), mtime: v.number() }),
);

async function contentToWrite(
  { path, source, method = "hash", overwrite = true }: Params,
  target: TargetFile | undefined,
  { data, signal }: OperationContext,
): Promise<Source | undefined> {
  if (target !== undefined && !overwrite) return undefined;
  if (method === "content") {
    const sha256 = createHash("sha256").update(source).digest("hex");
    const same = target !== undefined && await hashOf(path, signal) === sha256;
    return same ? undefined : { text: source };
  }
  if (method === "hash") {
    const sha256 = encodeHex(await data.bytes("file_hash", source));
    const same = target !== undefined && await hashOf(path, signal) === sha256;
    return same ? undefined : { sha256 };
  }
  const { mtime, size } = method === "stat"
    ? await askStat(source, data)
    : { mtime: await askTime(source, data), size: undefined };
  // A file system may store times less exactly than the Manager gives them.
  const now = target === undefined ? undefined : (await Deno.stat(path)).mtime;
  const same = now !== undefined && now !== null &&
    Math.abs(now.getTime() - mtime * 1_000) < 1 &&
    (size === undefined || size === target?.size);
  return same ? undefined : { mtime };
}

async function askTime(source: string, data: DataSource): Promise<number> {
  const text = await data.text("file_mtime", source);
  const mtime = text.trim() === "" ? NaN : Number(text);
  if (Number.isFinite(mtime)) return mtime;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot install "${source}": the Manager tells no time of it`,
  );
}

async function askStat(
  source: string,
  data: DataSource,
): Promise<v.InferOutput<typeof statSchema>> {
  const text = await data.text("file_stat", { filename: source });
  const result = v.safeParse(statSchema, text);
  if (result.success) return result.output;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot install "${source}": the Manager does not tell its size and time`,
  );
}

/** Requests pieces until an empty one comes, because legacy Managers do not tell a file's size. */
async function write(
  { path, source }: Params,
  { sha256, mtime, text }: Source,
  { context: { data, signal }, attributes }: {
    context: OperationContext;
    attributes: Attributes;
  },
): Promise<number> {
  await using file = await NewFile.create(path);
  const hash = createHash("sha256");
  let offset = 0;
  if (text !== undefined) {
    const bytes = new TextEncoder().encode(text);
    await file.write(bytes);
    await file.finish(attributes);
    return bytes.length;
  }
  for (;;) {
    const piece = await data.bytes("file_content", {
      filename: source,
      offset,
      length: PIECE_BYTES,
    });
    if (signal.aborted) {
      throw new PiriError(
        "CANCELLED",
        `Cannot install "${source}": the command was cancelled`,
      );
    }
    if (piece.length === 0) break;
    hash.update(piece);
    await file.write(piece);
    offset += piece.length;
  }
  if (sha256 !== undefined && hash.digest("hex") !== sha256) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot install "${source}": it was changed while it was fetched`,
    );
  }
  await file.finish(attributes);
  if (mtime !== undefined) await Deno.utime(path, mtime, mtime);
  return offset;
}

async function attributesOf(
  { mode, user, group }: Params,
): Promise<Attributes> {
  const number = typeof mode === "string"
    ? parseInt(mode.replace(/^0o/, ""), 8)
    : mode;
  return {
    ...(number === undefined ? {} : { mode: number }),
    ...(user === undefined ? {} : { uid: (await findUser(String(user))).uid }),
    ...(group === undefined ? {} : { gid: await findGroup(String(group)) }),
  };
}

function told({ path }: Params, changed: boolean, what: string): Outcome {
  return { success: true, changed, message: `"${path}": ${what}` };
}
