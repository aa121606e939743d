import { assert, assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import type { DataSource } from "../../lib/operations/operation.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Data source of a Manager with these files. */
export async function files(
  content: Record<string, Uint8Array<ArrayBuffer>>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<DataSource> {
  const stats = Object.fromEntries(
    await Promise.all(
      Object.entries(content).map(async (
        [name, bytes],
      ) => [name, {
        size: bytes.length,
        mtime: 0,
        sha256: await hashOf(bytes),
        ...more,
      }]),
    ),
  );
  return {
    text: (type, params) => {
      assertEquals(type, "file_stat");
      const { filename } = params as { filename: string };
      return Promise.resolve(JSON.stringify(stats[filename]));
    },
    bytes: (type, params) => {
      assertEquals(type, "file_content");
      const { filename, offset, length } = params as {
        filename: string;
        offset: number;
        length: number;
      };
      assert(length <= 65_536);
      return Promise.resolve(
        content[filename]?.slice(offset, offset + length) ?? new Uint8Array(),
      );
    },
  };
}

/** Temporary folder for a file; disposing removes it. */
export interface TempTarget extends AsyncDisposable {
  readonly path: string;
  /** Path of the file, which does not exist yet. */
  readonly file: string;
  /** Names in the folder. */
  names(): Promise<string[]>;
}

/** Makes a temporary folder for a file. */
export async function tempTarget(): Promise<TempTarget> {
  const folder = await TempFolder.make();
  return {
    path: folder.path,
    file: folder.at("target"),
    names: async () =>
      (await Array.fromAsync(Deno.readDir(folder.path)))
        .map(({ name }) => name),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** SHA-256 in hex digits. */
export async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes));
}

/** Permissions of a file. */
export async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o7777;
}

/** Text as bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
