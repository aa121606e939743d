import { stepOperation } from "../step_operation.ts";
import { fileInstalled } from "./file_installed.ts";
import { ATTRIBUTES, PARENTS } from "./paths.ts";
import { requireHash } from "./web_values.ts";

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
  validate: ({ source, sha256 }) => requireHash(source, sha256),
  async check({ sha256: _, ...params }, reader, forecast) {
    return await fileInstalled.check(params, reader, forecast);
  },
  async change({ sha256: _, ...params }, checked, writer) {
    await fileInstalled.change(params, checked, writer);
  },
});
