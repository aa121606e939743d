import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { NEEDS_PSEUDO_TERMINAL } from "../support/pseudo_terminal.ts";
import { Screen } from "./screen.ts";

const missing = NEEDS_PSEUDO_TERMINAL;

/** Runs the program that shows progress at a pseudo-terminal, after this line for a shell. */
async function atPseudoTerminal(
  setUp: string,
  env: Record<string, string>,
): Promise<Uint8Array> {
  const program = fromFileUrl(new URL("./print_progress.ts", import.meta.url));
  const line = `${setUp} && exec "$DENO" run -A --quiet "$PROGRAM"`;
  const { stdout } = await new Deno.Command("script", {
    args: ["-qec", line, "/dev/null"],
    env: { NO_COLOR: "", ...env, DENO: Deno.execPath(), PROGRAM: program },
    stdin: "null",
  }).output();
  return stdout;
}

function pseudoTerminalTest(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: missing === undefined ? name : `${name} (ignored: ${missing})`,
    ignore: missing !== undefined,
    fn,
  });
}

pseudoTerminalTest(
  "a real terminal shows progress in one row of its width, in colour",
  async () => {
    const bytes = await atPseudoTerminal("stty cols 20", {
      TERM: "xterm-256color",
    });
    const screen = new Screen({ columns: 20, written: [bytes] });
    const states = new TextDecoder().decode(bytes).split("\r\x1b[K").slice(1);

    assertEquals(states, [
      "\x1b[36mweb-1:\x1b[0m \x1b[31mget 1%\x1b[0m",
      "\x1b[36mweb-1:\x1b[0m get 2% of a…",
      "\x1b[36mweb-1:\x1b[0m end\r\n",
    ]);
    assertEquals(await screen.lines(), ["web-1: before", "web-1: end", ""]);
  },
);

pseudoTerminalTest(
  "a terminal without a size counts as one of 80 columns, a dumb one is not redrawn",
  async () => {
    const unsized = await atPseudoTerminal("stty cols 0", {
      TERM: "xterm",
      NO_COLOR: "1",
    });
    const dumb = await atPseudoTerminal("stty cols 80", { TERM: "dumb" });

    assertEquals(
      new TextDecoder().decode(unsized).split("\r\x1b[K").slice(1),
      [
        "web-1: get 1%",
        "web-1: get 2% of a text that is long",
        "web-1: end\r\n",
      ],
    );
    assertEquals(
      new TextDecoder().decode(dumb),
      "web-1: before\r\nweb-1: end\r\n",
    );
  },
);
