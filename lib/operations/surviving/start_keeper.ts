import { join, resolve } from "@std/path";
import { syncFolder } from "../../base/files.ts";
import { PiriError } from "../../base/errors.ts";
import { writeAll } from "../../base/write_all.ts";
import type { OperationContext } from "../operation.ts";
import { bootId, readProcess } from "../process_table.ts";
import type { Program } from "../program.ts";
import { SHELL } from "../shell_start.ts";
import { obstacleTo } from "../start_obstacle.ts";
import { timerSlackOf } from "../timer_slack.ts";
import {
  KEEPER,
  KEEPER_PATH,
  KEEPER_TOOLS,
  programLine,
  startScript,
} from "./keeper.ts";

/** Size of the file that a keeper writes the exit code into: it has its room before the disk is full. */
const NOTE_BYTES = 64;

/** Path of the folder of a command. */
export function folderOf(
  { marker, surroundings }: Pick<OperationContext, "marker" | "surroundings">,
): string {
  const { survivorsFolder } = surroundings;
  if (survivorsFolder === undefined) {
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot let a program outlive the agent: this agent has no folder for it",
    );
  }
  // The keeper works in this folder, where a relative path leads elsewhere.
  return resolve(survivorsFolder, marker);
}

/**
 * Starts the keeper of a program. All that it needs is in the folder before, durably: without a folder, a program was
 * never started.
 *
 * @throws {PiriError} NOT_STARTED, DISK
 */
export async function startKeeper(
  program: Program,
  { folder, marker }: { readonly folder: string; readonly marker: string },
): Promise<Deno.ChildProcess> {
  const [name] = program.argv;
  const obstacle = obstacleTo(program) ?? missingTool(program);
  if (obstacle !== undefined) throw notStarted(name, obstacle);
  try {
    await fill(folder, program, marker);
  } catch (error) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    if (error instanceof PiriError) throw error;
    throw notStarted(name, `its folder cannot be made: ${String(error)}`);
  }
  return new Deno.Command(SHELL, {
    args: [join(folder, "keep")],
    cwd: folder,
    clearEnv: true,
    env: { PATH: KEEPER_PATH },
    detached: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

async function fill(
  folder: string,
  program: Program,
  marker: string,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const write = (name: string, content: string) =>
    Deno.writeTextFile(join(folder, name), content, { mode: 0o600 });
  await writeInput(join(folder, "stdin"), program);
  await write("keep", KEEPER);
  await write("start", startScript(program.user));
  await write("line", programLine(program, timerSlackOf(marker)));
  await write("noted", "\n".repeat(NOTE_BYTES));
  await write("agent", ownName());
  for (const stream of ["1", "2"]) {
    await write(`${stream}-open`, "");
    await write(`${stream}-whole`, "");
  }
  await write("boot", `${bootId()}\n`);
  await syncFolder(folder);
  await syncFolder(join(folder, ".."));
}

/** Name of this process as a keeper finds it. */
export function ownName(): string {
  return `${Deno.pid} ${readProcess(Deno.pid)?.startTicks ?? 0}\n`;
}

async function writeInput(path: string, { stdin }: Program): Promise<void> {
  await using file = await Deno.open(path, {
    write: true,
    create: true,
    truncate: true,
    mode: 0o600,
  });
  if (stdin === undefined) return;
  const pieces = typeof stdin === "string"
    ? [new TextEncoder().encode(stdin)]
    : stdin(new AbortController().signal);
  for await (const bytes of pieces) await writeAll(file, bytes);
}

function missingTool({ user }: Program): string | undefined {
  const needed = [...KEEPER_TOOLS, ...user === undefined ? [] : ["setpriv"]];
  const missing = needed.filter((tool) =>
    !KEEPER_PATH.split(":").some((folder) => isFile(join(folder, tool)))
  );
  return missing.length === 0
    ? undefined
    : `to outlive the agent it needs ${
      missing.join(", ")
    } on the host; install coreutils and util-linux`;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function notStarted(name: string, why: string): PiriError {
  return new PiriError("NOT_STARTED", `Cannot start "${name}": ${why}`);
}
