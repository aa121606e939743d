// A program that holds a scratch file until its standard input ends. On Linux it prints the file's mode.
import { scratchFile } from "../../lib/cli/scratch_file.ts";
import { systemTerminal } from "../../lib/cli/terminal.ts";

{
  using scratch = scratchFile();
  await scratch.write(new Uint8Array(1_000));
  const { stdout } = systemTerminal();
  await stdout.write(`${["holds", ...modes()].join(" ")}\n`);
  await Deno.stdin.read(new Uint8Array(1));
}

/** Modes of the open files of 1,000 bytes, as far as the system tells them. */
function modes(): string[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const { size, isFile, mode } = Deno.statSync(`/proc/self/fd/${name}`);
      return isFile && size === 1_000 && mode !== null
        ? [(mode & 0o777).toString(8)]
        : [];
    } catch {
      return []; // the folder was open itself
    }
  });
}
