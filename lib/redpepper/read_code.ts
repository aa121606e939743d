import { isObject } from "../base/json_object.ts";
import type { Note } from "./note.ts";
import type { RedpepperFolder } from "./redpepper_folder.ts";

/** Remarks on code in Python and on settings, which are not taken. */
export function readCode(
  { files, settings }: Pick<RedpepperFolder, "files" | "settings">,
): Note[] {
  const notes: Note[] = [];
  for (const [path, bytes] of files) {
    if (!path.endsWith(".py")) continue;
    const text = new TextDecoder().decode(bytes);
    const [folder, name = ""] = path.split(/\/(?=[^/]+$)/);
    const module = name.replace(/\.py$/, "");
    if (folder === "operations" || folder === "custom-states") {
      notes.push(...operationNotes(path, module, text));
    } else if (path.startsWith("requests/")) {
      notes.push({
        file: path,
        message:
          `Cannot take the request "${module}": the Manager runs no code for an agent; put what it answers into data/ and write \${NAME}, or do its work by a job of piri-manager run`,
        isLost: true,
      });
    }
  }
  const logins = Array.isArray(settings["api_logins"])
    ? settings["api_logins"]
    : [];
  for (const login of logins) {
    const name = isObject(login) ? login["username"] : undefined;
    if (typeof name !== "string") continue;
    notes.push({
      file: "manager.yml",
      message:
        `The login "${name}" is not taken, as its password cannot be: piri-manager operator add ${name}`,
      isLost: false,
    });
  }
  return notes;
}

/** Files with operations by the names of their modules. */
export function modulesOf(
  { files }: Pick<RedpepperFolder, "files">,
): ReadonlyMap<string, string> {
  return new Map([...files.keys()].flatMap((path) => {
    const [, module] =
      /^(?:operations|custom-states)\/([^/]+)\.py$/.exec(path) ??
        [];
    return module === undefined ? [] : [[module, path] as const];
  }));
}

function operationNotes(file: string, module: string, text: string): Note[] {
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    const [, name] = /^class\s+([A-Za-z_][A-Za-z0-9_]*)\s*\(/.exec(line) ?? [];
    if (name === undefined) return [];
    return [{
      file,
      line: index + 1,
      message:
        `Cannot take the operation "${module}.${name}": Python is not run on hosts; write command.Run, with "creates" or "unless" in the place of its test()`,
      isLost: true,
    }];
  });
}
