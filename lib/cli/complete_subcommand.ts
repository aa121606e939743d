import { within } from "../base/clock.ts";
import { type Candidate, type CursorPlace, placeOf } from "./complete.ts";
import { defineSubcommand, type Program, type Subcommand } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { loadOperatorConfig } from "./operator_config.ts";
import { shellWords } from "./shell_words.ts";
import type { Terminal } from "./terminal.ts";
import { oneLine } from "./text.ts";

/** Words that only a running Manager or a file of the user knows. */
export type LiveWords<Services> = (
  place: CursorPlace,
  surroundings: {
    readonly dir: string;
    readonly terminal: Terminal;
    readonly signal: AbortSignal;
  },
  services: Services,
) => Promise<readonly Candidate[]>;

/** Longest wait for a Manager, in milliseconds. Who presses Tab waits for it. */
const MAX_WAIT_MS = 1_000;

/**
 * `__complete -- WORDS`: prints the words that may stand at the cursor, for the scripts of `completion`.
 *
 * The first line is "files", "folders" or "words". Each other line is a word, a tab and a summary. What goes wrong is not
 * told: it would stand in the middle of the line that somebody types.
 */
export function completeSubcommand<Services>(
  programOf: () => Program<Services>,
  live: LiveWords<Services> = () => Promise.resolve([]),
): Subcommand<Services> {
  return defineSubcommand({
    name: "__complete",
    summary: "print words that may end a command line",
    isInternal: true,
    positionals: {},
    flags: {
      line: {
        type: "string",
        value: "LINE",
        summary:
          "command line up to the cursor; then bash's own last word is after --",
      },
      dotted: {
        type: "boolean",
        summary: "the last word has a dot in front, as it may be empty",
      },
    },
    rest: "<words>",
    examples: ["-- run web"],
    async execute(invocation, services: Services) {
      const { flags, rest = [], terminal } = invocation;
      const typed = wordsOf(rest, flags);
      const place = placeOf(programOf(), typed.words);
      const found = [
        ...place.candidates,
        ...await namedWords(place, programOf(), terminal),
        ...await liveWords(
          terminal,
          async (signal) => {
            const dir = place.dir ?? invocation.dir;
            return await live(place, { dir, terminal, signal }, services);
          },
        ),
      ];
      const mode = place.kind === "file"
        ? "files"
        : place.kind === "folder"
        ? "folders"
        : "words";
      const lines = found.map(({ word, summary }) => {
        const whole = (place.before + word).slice(typed.cut);
        return flags.line === undefined
          ? `${whole}\t${summary === "" ? "" : oneLine(summary)}`
          : whole;
      });
      await terminal.stdout.write(`${[mode, ...lines].join("\n")}\n`);
      return ExitCode.ok;
    },
  });
}

/** Named target expressions of the user's settings, for a word such as "%web". */
async function namedWords<Services>(
  { kind, typed }: CursorPlace,
  program: Program<Services>,
  terminal: Terminal,
): Promise<Candidate[]> {
  const [, before = "", name] =
    /^(.*[\s,&|!(])?%([^%\s,&|!(]*)$/s.exec(typed) ??
      [];
  if (kind !== "targets" || name === undefined) return [];
  try {
    const config = await loadOperatorConfig(program, terminal);
    return Object.entries(config?.targets ?? {})
      .filter(([known]) => known.startsWith(name))
      .map(([known, summary]) => ({ word: `${before}%${known}`, summary }));
  } catch {
    return []; // a mistake in the file: the subcommand tells it
  }
}

/** Words of the line, and the number of characters in front that the shell keeps by itself. */
function wordsOf(
  rest: readonly string[],
  { line, dotted }: { line: string | undefined; dotted: boolean },
): { words: readonly string[]; cut: number } {
  if (line === undefined) {
    const last = rest.at(-1) ?? "";
    return {
      words: dotted ? [...rest.slice(0, -1), last.slice(1)] : rest,
      cut: 0,
    };
  }
  const { words: [, ...words], raw } = shellWords(line);
  const [own = ""] = rest;
  return { words, cut: cutOf(raw, own) };
}

/** Number of characters of the last word that bash keeps, because it breaks words at characters within it. */
function cutOf(raw: string, own: string): number {
  if (/^["']/.test(raw)) return 0; // not within quotes
  // A word that is only such a character ends before the text that is completed.
  if (/^[=:]$/.test(own)) return raw.length;
  const start = Math.max(0, raw.length - own.length);
  // Bash breaks at "@", and completes it all the same.
  return raw[start - 1] === "@" ? start - 1 : start;
}

/** Waits for what the Manager knows. Without an answer there are no words. */
async function liveWords(
  { clock }: Terminal,
  ask: (signal: AbortSignal) => Promise<readonly Candidate[]>,
): Promise<readonly Candidate[]> {
  const stop = new AbortController();
  try {
    const asked = ask(stop.signal);
    return await within(clock, MAX_WAIT_MS, asked, "Cannot ask the Manager");
  } catch {
    return []; // no Manager, or none that knows this
  } finally {
    stop.abort();
  }
}
