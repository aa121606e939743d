import { decodeBase64 } from "@std/encoding/base64";
import { concat } from "@std/bytes/concat";
import { decodeHex } from "@std/encoding/hex";
import * as v from "valibot";
import { messageOf, PiriError } from "../../base/errors.ts";
import type { DataClient } from "./data_client.ts";

/** Bytes of a file that one answer has: as base64 they fit into a legacy frame. */
const PIECE_BYTES = 32_768;

/** Ends of the refusals with which a Manager of the second protocol answers a request of the first one. */
const SPEAKS_SECOND =
  /: (internal error|request module not found: \w*|request payload is not a JSON mapping)$/;

const stat = v.object({ mtime: v.number(), size: v.number() });
const content = v.object({
  filename: v.string(),
  offset: v.number(),
  length: v.number(),
});

/**
 * Requests data from a legacy Manager. There are two protocols, whose hellos are the same: the Manager's answer to the
 * first request shows which one it speaks.
 */
export class LegacyRequests {
  readonly #client: Pick<DataClient, "request">;
  #speaksSecond = false;

  constructor(client: Pick<DataClient, "request">) {
    this.#client = client;
  }

  /** Requests as `DataClient.request` does, and throws as it does. */
  async request(type: string, params: string): Promise<string | Uint8Array> {
    if (!this.#speaksSecond) {
      try {
        return await this.#client.request(type, params);
      } catch (error) {
        if (!SPEAKS_SECOND.test(messageOf(error))) throw error;
        this.#speaksSecond = true;
      }
    }
    return await this.#second(type, params);
  }

  async #second(type: string, params: string): Promise<string | Uint8Array> {
    switch (type) {
      case "data":
        return await this.#text("data", { name: nameIn(params, "key") });
      case "state":
        return await this.#text("stateDefinition", {
          state_name: nameIn(params, "name"),
        });
      case "file_stat": {
        const path = nameIn(params, "filename");
        const { mtime, size } = await this.#stat(path);
        return JSON.stringify({ mtime, size, sha256: await this.#hash(path) });
      }
      case "file_mtime":
        return String((await this.#stat(nameIn(params, "filename"))).mtime);
      case "file_hash":
        return decodeHex(await this.#hash(nameIn(params, "filename")));
      case "file_content":
        return await this.#content(params);
      default:
        return await this.#text(type, tryJson(params) ?? {});
    }
  }

  async #stat(path: string): Promise<v.InferOutput<typeof stat>> {
    return await this.#answer("dataFileStat", { path }, stat);
  }

  async #hash(path: string): Promise<string> {
    return await this.#answer(
      "dataFileHash",
      { path },
      v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    );
  }

  /** Reads as much as was asked for, in pieces that fit into a frame. */
  async #content(params: string): Promise<Uint8Array> {
    const { filename, offset, length } = v.parse(content, tryJson(params));
    const pieces: Uint8Array[] = [];
    let done = 0;
    while (done < length) {
      const bytes = decodeBase64(
        await this.#answer("dataFileContents", {
          filename,
          offset: offset + done,
          length: Math.min(PIECE_BYTES, length - done),
        }, v.pipe(v.string(), v.base64())),
      );
      if (bytes.length === 0) break;
      pieces.push(bytes);
      done += bytes.length;
    }
    return concat(pieces);
  }

  async #answer<T>(
    name: string,
    params: unknown,
    schema: v.GenericSchema<unknown, T>,
  ): Promise<T> {
    const result = v.safeParse(
      schema,
      tryJson(await this.#text(name, params)),
    );
    if (result.success) return result.output;
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot get "${name}" from the Manager: its answer is not understood`,
    );
  }

  async #text(name: string, params: unknown): Promise<string> {
    const answer = await this.#client.request(name, JSON.stringify(params));
    return typeof answer === "string"
      ? answer
      : new TextDecoder().decode(answer);
  }
}

/** The one name that a request takes: in a JSON object, or as plain text. */
function nameIn(params: string, key: string): string {
  const value = tryJson(params);
  const object = v.safeParse(v.record(v.string(), v.unknown()), value);
  const name = object.success ? object.output[key] : value;
  return typeof name === "string" ? name : params;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
