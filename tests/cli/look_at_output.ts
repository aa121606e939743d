// A program that says on its standard error whether somebody reads its standard output, once for each write to it.
import { systemTerminal } from "../../lib/cli/terminal.ts";

const terminal = systemTerminal();
for await (const _write of Deno.stdin.readable) {
  await terminal.stderr.write(terminal.isOutputClosed() ? "closed" : "open");
}
