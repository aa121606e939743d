import { PiriError } from "../../base/errors.ts";
import { contentOf } from "../file_content.ts";
import type { HostReader } from "../host/host.ts";
import type { BlobValue } from "../sheet.ts";
import { stepOperation } from "../step_operation.ts";
import { fileInstalled } from "./file_installed.ts";
import { ATTRIBUTES, PARENTS } from "./paths.ts";

/** Copies a file of the Manager. */
export const fileFetchStep = stepOperation({
  name: "file.Fetch",
  description: "Makes a file be as one of the Manager's data",
  subject: "path",
  parameters: {
    path: { type: "path", required: true, description: "Path of the file" },
    source: {
      type: "file",
      required: true,
      description: "File of the Manager's data",
    },
    sha256: {
      type: "text",
      description: "SHA-256 in hex digits that it must have",
    },
    ...ATTRIBUTES,
    ...PARENTS,
  },
  touches: ({ path }) => [path],
  async check({ sha256, ...params }, reader, forecast) {
    requireHash(params.source, sha256, reader);
    return await fileInstalled.check(params, reader, forecast);
  },
  async change({ sha256: _, ...params }, checked, writer) {
    await fileInstalled.change(params, checked, writer);
  },
});

function requireHash(
  source: string | BlobValue,
  wanted: string | undefined,
  reader: HostReader,
): void {
  const { sha256 } = contentOf(source, reader);
  if (wanted === undefined || wanted.toLowerCase() === sha256) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot fetch the file: its SHA-256 is ${sha256}, and it must be ${wanted}`,
  );
}
