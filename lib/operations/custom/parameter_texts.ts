import { PiriError } from "../../base/errors.ts";
import { bytesOf } from "../../steps/file_content.ts";
import type { HostReader } from "../../steps/host/host.ts";
import type {
  BlobValue,
  SheetOperation,
  SheetValue,
} from "../../steps/sheet.ts";
import { MAX_CALL_BYTES } from "./calls.ts";

type Params = Readonly<Record<string, SheetValue>>;

/**
 * Parameters with the texts of files in place of blobs.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a file that is no text, or too long for a call
 */
export async function withTexts(
  params: Params,
  { parameters }: SheetOperation,
  reader: HostReader,
): Promise<Params> {
  const texts: Record<string, SheetValue> = {};
  for (const [name, { type }] of Object.entries(parameters)) {
    const value = params[name];
    const mayBeBlob = type === "content" || type === "file";
    if (!mayBeBlob || value === undefined || typeof value === "string") {
      continue;
    }
    const { $blob: blob } = value as unknown as BlobValue;
    const bytes = await bytesOf(
      reader.blob(blob),
      MAX_CALL_BYTES,
      `the file of the parameter "${name}"`,
    );
    texts[name] = decoded(bytes, name);
  }
  return { ...params, ...texts };
}

function decoded(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot use the parameter "${name}": its file is no text in UTF-8`,
    );
  }
}
