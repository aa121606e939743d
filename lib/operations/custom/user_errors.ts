import { join, toFileUrl } from "@std/path";
import type { SheetModule } from "../../steps/sheet.ts";
import type { Phase } from "./calls.ts";
import { scriptPath } from "./module_folder.ts";

/** Error of a user's code. */
export interface UserError {
  /** Message with its place, in one line. */
  readonly text: string;
  /** Lines of the user's own code that led to it; empty if there is only one. */
  readonly stack: string;
}

/** Reads errors of modules: places are those of the sources, below the Manager's folder. */
export class UserErrors {
  readonly #paths = new Map<string, string>();

  /** @param folder Folder of the modules on this host. */
  constructor(modules: readonly SheetModule[], folder: string) {
    for (const { path } of modules.flatMap(({ files }) => files)) {
      const url = toFileUrl(join(folder, scriptPath(path))).href;
      this.#paths.set(url, path);
    }
  }

  /** Reads an error with its stack. */
  read(error: string, phase: Phase): UserError {
    const lines = error.split("\n");
    const start = lines.findIndex((line) => /^ {4}at /.test(line));
    const message = lines.slice(0, start < 0 ? undefined : start).join("\n");
    const frames = (start < 0 ? [] : lines.slice(start))
      .map((line) => this.#sourced(line))
      .filter((line) => line !== undefined);
    const place = /(operations\/\S+?:\d+:\d+)\)?$/.exec(frames[0] ?? "")?.[1];
    const text = explained(message, phase);
    return {
      text: place === undefined ? text : `${place}: ${text}`,
      stack: frames.length < 2 ? "" : [message, ...frames].join("\n"),
    };
  }

  /** Line of a stack with the path of the source; undefined if it is of no module. */
  #sourced(line: string): string | undefined {
    for (const [url, path] of this.#paths) {
      if (line.includes(`${url}:`)) return line.replace(url, path);
    }
    return undefined;
  }
}

/** Message of the runtime about a permission in words of this page. */
function explained(message: string, phase: Phase): string {
  const [, kind, what = ""] =
    /^NotCapable: Requires (\w+) access(?: to (.+?))?, run again with/.exec(
      message,
    ) ?? [];
  if (kind === undefined) return message;
  const why = kind === "write" && phase === "check"
    ? "a check never writes"
    : `permissions.${phase} does not have it`;
  return `it needs the permission "${kind}"${
    what === "" ? "" : ` for ${what}`
  }, and ${why}`;
}
