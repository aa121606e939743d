import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { Turns } from "../../../lib/base/turns.ts";
import {
  LineStream,
  type LineStreamOptions,
} from "../../../lib/cli/manager/line_stream.ts";
import type { StyleUse } from "../../../lib/cli/manager/output_line.ts";
import { TerminalLine } from "../../../lib/cli/manager/terminal_line.ts";
import { TextStyle } from "../../../lib/cli/manager/text_style.ts";
import { printable } from "../../../lib/cli/text.ts";
import { FakeTerminal } from "../fake_terminal.ts";
// Loaded here, so that no test waits for it in the middle.
import "../../../lib/cli/manager/row.ts";

const encoder = new TextEncoder();

/** Parts of sequences, of characters and of lines, which chance alone would seldom put together. */
const PARTS = [
  "\r",
  "\n",
  "\x1b",
  "[",
  "m",
  "\x1b[m",
  "\x1b[31m",
  "\x1b[1;38;5;9m",
  "\x1b[38:2::1:2:3m",
  "\x1b[39m",
  "\x1b[2J",
  "\x1b[?25l",
  "\x1b]0;x\x07",
  "\u202e",
  "\u009b1m",
  "1;",
  "ab",
  "€",
  "名",
  "\t",
];

/** Output of a program, in pieces. */
const pieces: fc.Arbitrary<Uint8Array[]> = fc.array(
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...PARTS).map(encode) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 4 }) },
      // Characters and sequences that are cut in two.
      {
        weight: 1,
        arbitrary: fc.tuple(fc.constantFrom(...PARTS), fc.nat(4))
          .map(([part, end]) => encode(part).slice(0, end)),
      },
    ),
    { maxLength: 8 },
  ).map(concat),
  { maxLength: 8 },
);

function encode(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes that a stream prints for these pieces, with this time between them. */
async function printed(
  output: readonly Uint8Array[],
  { isTerminal = true, styles = "show", ms = 0 }: {
    isTerminal?: boolean;
    styles?: StyleUse;
    ms?: number;
  } = {},
): Promise<Uint8Array> {
  const terminal = new FakeTerminal({
    terminals: isTerminal ? ["stdout"] : [],
    columns: 20,
  });
  const options: LineStreamOptions = {
    sink: terminal.stdout,
    clock: terminal.clock,
    scratch: () => terminal.scratch(),
    prefix: "> ",
    styles,
    unfinished: isTerminal ? "redraw" : "hold",
  };
  const line = new TerminalLine({ columns: () => 20, turns: new Turns() });
  const stream = new LineStream(line, options);
  for (const piece of output) {
    await stream.add(piece);
    if (ms > 0) terminal.clock.advanceNow(ms);
  }
  await stream.end();
  return terminal.stdout.bytes;
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

// deno-lint-ignore no-control-regex
const SGR = /\x1b\[[\d;:]{0,64}m/g;

// deno-lint-ignore no-control-regex
const SGR_BETWEEN = /(\x1b\[[\d;:]{0,64}m)/;

// deno-lint-ignore no-control-regex
const SGR_OR_LINE_END = /\x1b\[[\d;:]*m|\n/g;

/** Last states of all lines of a text without colours. */
function lastStates(text: string): string[] {
  const lines = text.split("\n").map((line) =>
    line.split("\r").map((state) => state.replaceAll(SGR, ""))
      .filter((state) => state !== "").at(-1) ?? ""
  );
  // What ends without a line end is a line only if there is something in it.
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

function linesOf(text: string): string[] {
  return text.split("\n").slice(0, -1).map((line) =>
    line.replaceAll(SGR, "").replace(/^> /, "").replace(/\r$/, "")
  );
}

/** Characters of a text, each with the style that it has. */
function styledCharacters(text: string): string[] {
  const style = new TextStyle();
  return text.split(SGR_BETWEEN).flatMap((part, index) => {
    if (index % 2 === 0) {
      return [...part].map((character) => style.sequences + character);
    }
    style.apply(part);
    return [];
  });
}

Deno.test("a terminal gets no control but line ends, redrawing and colours, whatever a program prints", async () => {
  await fc.assert(fc.asyncProperty(pieces, async (output) => {
    const text = utf8(await printed(output, { ms: 200 }));
    const rest = text.replaceAll(SGR, "").replaceAll("\r\x1b[K", "");

    assertEquals(
      // deno-lint-ignore no-control-regex
      /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/
        .exec(rest),
      null,
    );
  }));
});

Deno.test("a terminal gets no escape at all without colours", async () => {
  await fc.assert(fc.asyncProperty(pieces, async (output) => {
    const bytes = await printed(output, { styles: "remove" });

    assertEquals(bytes.includes(0x1b), false);
  }));
});

Deno.test("output is the same however it is cut into pieces", async () => {
  const forms = [
    {},
    { styles: "remove" },
    { isTerminal: false, styles: "keep" },
    { isTerminal: false, styles: "show" },
    { isTerminal: false, styles: "remove" },
  ] as const;
  await fc.assert(
    fc.asyncProperty(
      pieces,
      fc.constantFrom(...forms),
      async (output, form) => {
        const whole = concat(output);
        const single = Array.from(whole, (byte) => Uint8Array.of(byte));

        const expected = latin1(await printed([whole], form));
        assertEquals(latin1(await printed(output, form)), expected);
        assertEquals(latin1(await printed(single, form)), expected);
      },
    ),
  );
});

Deno.test("the text of each line on a terminal is its last state, made safe", async () => {
  await fc.assert(fc.asyncProperty(pieces, async (output) => {
    const text = utf8(await printed(output));

    assertEquals(
      linesOf(text),
      lastStates(utf8(concat(output))).map(printable),
    );
  }));
});

Deno.test("the text of each line in a file is the bytes of its last state", async () => {
  await fc.assert(fc.asyncProperty(pieces, async (output) => {
    const text = latin1(await printed(output, { isTerminal: false }));

    assertEquals(linesOf(text), lastStates(latin1(concat(output))));
  }));
});

Deno.test("no style is open at the end of a line", async () => {
  await fc.assert(fc.asyncProperty(pieces, async (output) => {
    const style = new TextStyle();
    const text = utf8(await printed(output));
    for (const [part] of text.matchAll(SGR_OR_LINE_END)) {
      if (part === "\n") assertEquals(style.isDefault, true);
      else style.apply(part);
    }
  }));
});

Deno.test("each character has the style that its program gave it", async () => {
  await fc.assert(fc.asyncProperty(pieces, async (output) => {
    const plain = utf8(concat(output)).replaceAll("\r", "");
    const text = utf8(await printed([encode(`${plain}\n`)]));

    assertEquals(
      styledCharacters(text.replaceAll(/^> /gm, "")).filter(visible),
      styledCharacters(printableBetween(`${plain}\n`)).filter(visible),
    );
  }));
});

/** False for a line end, whose style nobody sees. */
function visible(character: string): boolean {
  return !character.endsWith("\n");
}

/** Text made safe, but for its colours. */
function printableBetween(text: string): string {
  return text.split(SGR_BETWEEN)
    .map((part, index) => index % 2 === 0 ? printable(part) : part).join("");
}
