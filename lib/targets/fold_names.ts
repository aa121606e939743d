import { PiriError } from "../base/errors.ts";
import { compareNames, sortNames } from "./compare_names.ts";
import { expandWord } from "./expand_word.ts";
import { formatName, formatRange } from "./format_targets.ts";
import { parseTargets } from "./parse_targets.ts";
import { isGlob } from "./parse_word.ts";
import type { Span, TargetNode } from "./target_expression.ts";

/** Longest number that is folded, in digits: longer ones are not exact. */
const MAX_DIGITS = 15;

/** Numbers of a name that may be folded, the last ones; earlier ones are text. */
const MAX_NUMBERS = 4;

/** Names that differ in their numbers only: one for each combination of these numbers. */
interface Block {
  /** Texts around the numbers. */
  readonly texts: readonly string[];
  readonly widths: readonly number[];
  /** Numbers at each place, sorted. */
  readonly numbers: readonly (readonly number[])[];
}

/** Writes names as one expression: sorted, each once, and with their numbers as ranges: `db-1, web-[01-12,15]`. */
export function foldNames(names: readonly string[]): string {
  const byTexts = Map.groupBy(
    new Set(names),
    (name) => partsOf(name).texts.join("\0"),
  );
  const blocks = [...byTexts.values()].flatMap((similar) =>
    [...Map.groupBy(blocksOf(similar), ({ widths }) => widths.join()).values()]
      .flatMap(merge)
  );
  return blocks
    .map((block) => ({ first: firstName(block), text: formatBlock(block) }))
    .toSorted((one, other) => compareNames(one.first, other.first))
    .map(({ text }) => text).join(", ");
}

/**
 * Reads what `foldNames` wrote: names in their natural order.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function unfoldNames(text: string): string[] {
  if (text.trim() === "") return [];
  const { node } = parseTargets([text]);
  const nodes = node.kind === "union" ? node.of : [node];
  return [...sortNames([...new Set(nodes.flatMap(namesOf))])];
}

function namesOf(node: TargetNode): readonly string[] {
  if (node.kind === "word" && !isGlob(node.pieces)) {
    return expandWord(node.pieces);
  }
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot unfold the names: they have a glob, a group or an operator",
  );
}

/** Texts and numbers of a name, in turns. */
function partsOf(name: string): { texts: string[]; numbers: string[] } {
  // No brackets can be beside other text in quotes.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    return { texts: [name], numbers: [] };
  }
  const parts = name.split(/([0-9]+)/);
  const numbers = parts.filter((_, index) => index % 2 === 1);
  const texts = [parts[0] ?? ""];
  const kept: string[] = [];
  for (const [index, number] of numbers.entries()) {
    const after = parts[2 * index + 2] ?? "";
    const isText = number.length > MAX_DIGITS ||
      index < numbers.length - MAX_NUMBERS;
    if (isText) texts[texts.length - 1] += number + after;
    else {
      kept.push(number);
      texts.push(after);
    }
  }
  return { texts, numbers: kept };
}

/** A block for each of some names with the same texts. */
function blocksOf(names: readonly string[]): Block[] {
  const parts = names.map(partsOf);
  const { texts = [] } = parts[0] ?? {};
  const padded = texts.slice(1).map((_, place) =>
    [
      ...new Set(
        parts.map(({ numbers }) => numbers[place] ?? "")
          .filter(isPadded).map(({ length }) => length),
      ),
    ].toSorted((one, other) => other - one)
  );
  return parts.map(({ numbers }) => ({
    texts,
    widths: numbers.map((number, place) =>
      isPadded(number)
        ? number.length
        : padded[place]?.find((width) => width <= number.length) ?? 1
    ),
    numbers: numbers.map((number) => [Number(number)]),
  }));
}

function isPadded(number: string): boolean {
  return number.length > 1 && number.startsWith("0");
}

/** Puts together what differs in one place only, from the last place to the first. */
function merge(blocks: readonly Block[]): readonly Block[] {
  const places = blocks[0]?.numbers.length ?? 0;
  let merged = blocks;
  for (let place = places - 1; place >= 0; place--) {
    const alike = Map.groupBy(
      merged,
      ({ numbers }) => numbers.toSpliced(place, 1).join(";"),
    );
    merged = [...alike.values()].map((group) => join(group, place));
  }
  return merged;
}

function join(blocks: readonly Block[], place: number): Block {
  const [first] = blocks;
  if (first === undefined) throw new TypeError("No block to join");
  const numbers = blocks.flatMap((block) => block.numbers[place] ?? [])
    .toSorted((one, other) => one - other);
  return { ...first, numbers: first.numbers.with(place, numbers) };
}

function formatBlock({ texts, widths, numbers }: Block): string {
  if (numbers.every(({ length }) => length === 1)) {
    return formatName(firstName({ texts, widths, numbers }));
  }
  return texts.map((text, place) => {
    const range = numbers[place];
    if (range === undefined) return text;
    const width = widths[place] ?? 1;
    return text +
      (range.length === 1
        ? pad(range[0] ?? 0, width)
        : formatRange({ width, spans: spansOf(range) }));
  }).join("");
}

function firstName({ texts, widths, numbers }: Block): string {
  return texts.map((text, place) => {
    const [number] = numbers[place] ?? [];
    return number === undefined ? text : text + pad(number, widths[place] ?? 1);
  }).join("");
}

function pad(number: number, width: number): string {
  return String(number).padStart(width, "0");
}

/** Ranges of neighbouring numbers. */
function spansOf(numbers: readonly number[]): Span[] {
  const spans: { from: number; to: number; step: number }[] = [];
  for (const number of numbers) {
    const last = spans.at(-1);
    if (last !== undefined && last.to + 1 === number) last.to = number;
    else spans.push({ from: number, to: number, step: 1 });
  }
  return spans;
}
