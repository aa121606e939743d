import { join } from "@std/path";
import type { OwnFiles } from "../../operations/own_obstacle.ts";

/** Folders of services, and the agent's service in each. */
const UNIT_FOLDERS = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

const UNITS = ["piri-agent.service", "piri-agent.service.d"];

/** Files of the agent of a state folder, which is there already. */
export function ownFilesOf(dir: string): OwnFiles {
  return {
    folder: realPath(dir),
    files: [
      Deno.execPath(),
      ...UNIT_FOLDERS.flatMap((folder) =>
        UNITS.map((unit) => join(realPath(folder), unit))
      ),
      "/etc/init.d/piri-agent",
    ],
  };
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
