// The operation ini.Setting: one value in an INI file. docs/custom-operations.md explains it.
import type { CustomOperation } from "@piri/piri";
import { findSetting } from "./lib/ini_text.ts";

interface Params {
  readonly path: string;
  readonly section: string;
  readonly key: string;
  readonly value: string;
}

export const Setting: CustomOperation<Params> = {
  description: "Keeps a setting in an INI file",
  parameters: {
    path: { type: "path", required: true, description: "The file" },
    section: {
      type: "text",
      required: true,
      description: "The section, without brackets",
    },
    key: {
      type: "text",
      required: true,
      description: "Name of the setting",
    },
    value: { type: "text", required: true, description: "Its value" },
  },
  subject: "key",
  permissions: {
    check: { read: true },
    change: { read: true, write: true },
  },

  async check({ path, section, key, value }) {
    const found = findSetting(await linesOf(path), section, key)?.value;
    return {
      changes: found === value
        ? []
        : [{ what: key, from: found ?? "(absent)", to: value }],
      observed: found ?? null,
    };
  },

  async change({ path, section, key, value }) {
    const lines = await linesOf(path);
    const place = findSetting(lines, section, key);
    const line = `${key} = ${value}`;
    if (place === undefined) lines.push(`[${section}]`, line);
    else {
      lines.splice(place.line, place.value === undefined ? 0 : 1, line);
    }
    // A file that is half written must never be there.
    await Deno.writeTextFile(`${path}.new`, `${lines.join("\n")}\n`);
    await Deno.rename(`${path}.new`, path);
  },
};

async function linesOf(path: string): Promise<string[]> {
  try {
    const text = await Deno.readTextFile(path);
    return text === "" ? [] : text.replace(/\n$/, "").split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
