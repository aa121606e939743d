import { contentOf } from "../file_content.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import type { HostReader } from "../host/host.ts";
import { type Forecast, stepOperation } from "../step_operation.ts";
import {
  changeFile,
  checkFile,
  findFile,
  type WantedFile,
} from "./new_content.ts";
import { ATTRIBUTES, PARENTS, wantedAttributes } from "./paths.ts";
import type { BlobValue } from "../sheet.ts";

/** Puts a file on the host, whole or not at all. */
export const fileInstalled = stepOperation({
  name: "file.Installed",
  description: "Makes a file have a content, an owner and a mode",
  subject: "path",
  oneOf: [["content", "source", "template"]],
  parameters: {
    path: { type: "path", required: true, description: "Path of the file" },
    content: { type: "content", description: "Text of the file" },
    source: {
      type: "file",
      description: "File of the Manager's data to copy",
    },
    template: {
      type: "content",
      description: "File of the Manager's data to render",
    },
    vars: { type: "any", description: "Variables of the template" },
    ...ATTRIBUTES,
    ...PARENTS,
    overwrite: {
      type: "switch",
      description: "False to leave the content of a file that is there",
      standard: "true",
    },
    method: {
      type: "text",
      description: "Way to compare; always by its SHA-256",
      choices: ["hash", "content", "stat", "mtime"],
      standard: "hash",
    },
    backup: {
      type: "switch",
      description: "True to keep the former content, under the name with ~",
      standard: "false",
    },
    validate: {
      type: "text",
      description:
        "Line for the shell that must succeed before the file is put in place; %s stands for the new file",
    },
    follow: {
      type: "switch",
      description:
        "True to write where a link leads; else the link is replaced",
      standard: "false",
    },
  },
  touches: ({ path, backup = false }) => backup ? [path, `${path}~`] : [path],
  runsPrograms: ({ validate }) => validate !== undefined,
  async check(params, reader, forecast) {
    const wanted = await wantedFile(params, reader, forecast);
    const found = await findFile(wanted.path, reader);
    const keeps = params.overwrite === false && found.content !== undefined;
    return await checkFile(
      keeps ? { ...wanted, content: undefined } : wanted,
      found,
      { reader, forecast },
    );
  },
  async change(params, _, writer) {
    const wanted = await wantedFile(params, writer, NO_FORECAST);
    const isThere = writer.facts(wanted.path)?.kind === "file";
    const keeps = params.overwrite === false && isThere;
    await changeFile(
      keeps ? { ...wanted, content: undefined } : wanted,
      writer,
      params.validate,
    );
  },
});

interface Params {
  readonly path: string;
  readonly content?: string | BlobValue;
  readonly source?: string | BlobValue;
  readonly template?: string | BlobValue;
  readonly user?: string;
  readonly group?: string;
  readonly mode?: number;
  readonly parents?: boolean;
  readonly backup?: boolean;
  readonly follow?: boolean;
}

async function wantedFile(
  params: Params,
  reader: HostReader,
  forecast: Forecast,
): Promise<WantedFile> {
  const { content, source, template, follow = false } = params;
  const attributes = await wantedAttributes(params, reader, forecast);
  return {
    ...params,
    path: follow ? reader.pathToWrite(params.path) : params.path,
    content: contentOf(content ?? source ?? template ?? "", reader),
    attributes,
  };
}
