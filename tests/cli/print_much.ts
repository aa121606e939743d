// A program that prints much to its standard output, then reports the result on its standard error.
import {
  NobodyReads,
  OutputLost,
  systemTerminal,
} from "../../lib/cli/terminal.ts";

const { stdout, stderr } = systemTerminal();
const [count = "0"] = Deno.args;
try {
  const writes: Promise<void>[] = [];
  for (let line = 0; line < Number(count); line++) {
    writes.push(stdout.write(`${line}\n`));
  }
  await Promise.all(writes);
  await stderr.write("all was read");
} catch (error) {
  await stderr.write(
    error instanceof NobodyReads
      ? "nobody reads"
      : error instanceof OutputLost
      ? error.message
      : "other",
  );
}
