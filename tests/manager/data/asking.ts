import { assertRejects } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { createHash } from "node:crypto";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  createDataService,
  type DataService,
} from "../../../lib/manager/data/data_service.ts";
import type { DataOwner } from "../../../lib/manager/data/layers.ts";
import { TempFolder } from "../../support/temp_folder.ts";

/** Agent of two groups. */
export const web: DataOwner = { id: "web-1", groups: ["linux", "web"] };
/** Agent of another group. */
export const db: DataOwner = { id: "db-1", groups: ["db"] };

/** Data service of a state folder. */
export function serviceOf(folder: TempFolder): DataService {
  return createDataService({
    data: folder.at("data"),
    files: folder.at("files"),
  });
}

/** Data service of a temporary folder with these files. */
export async function makeService(
  files: Record<string, string | Uint8Array>,
): Promise<{ folder: TempFolder; service: DataService } & AsyncDisposable> {
  const folder = await TempFolder.make();
  for (const [name, content] of Object.entries(files)) {
    await folder.write(name, content);
  }
  return {
    folder,
    service: serviceOf(folder),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Answer in readable form: text, or bytes as hex. */
export async function ask(
  service: DataService,
  type: string,
  params: unknown,
  owner = web,
): Promise<string> {
  const answer = await service.answer(owner, type, JSON.stringify(params));
  return typeof answer === "string" ? answer : encodeHex(answer);
}

/** Code and message of the expected refusal. */
export async function refusal(
  service: DataService,
  type: string,
  params: unknown,
  owner = web,
): Promise<string> {
  const error = await assertRejects(
    () => ask(service, type, params, owner),
    PiriError,
  );
  return `${error.code} ${error.message}`;
}

/** Hex digits of a text's bytes. */
export function hex(text: string): string {
  return encodeHex(new TextEncoder().encode(text));
}

/** SHA-256 of a text, in hex digits. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
