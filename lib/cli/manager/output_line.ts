import { printable } from "../text.ts";
import { decodeLeniently } from "../utf8.ts";
import type { FinishedLines } from "./finished_lines.ts";
import type { HeldLine } from "./held_line.ts";
import type { Token } from "./output_tokens.ts";
import { RESET, TextStyle } from "./text_style.ts";

/**
 * Treatment of colours and other SGR attributes. `show`: they end with each line and go on in the next, so that they
 * never reach a prefix. `keep`: the bytes stay as they are. `remove`: they are left out.
 */
export type StyleUse = "show" | "keep" | "remove";

const encoder = new TextEncoder();
const LINE_END = encoder.encode("\n");
const LINE_END_AFTER_RETURN = encoder.encode("\r\n");

/** The current line of a program: a lone return replaces its text by what follows. */
export class OutputLine {
  readonly #held: HeldLine;
  readonly #isTerminal: boolean;
  readonly #use: StyleUse;
  readonly #style = new TextStyle();
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** True if the decoder may have a part of a character. */
  #isPartial = false;
  /** True once anything came that is worth a line. */
  #hasContent = false;
  /** True once something is held, be it only the style that goes on from the line before. */
  #isBegun = false;
  /** True if the next text replaces the one that is held. */
  #isReturned = false;
  /** True if a return was in the line. */
  #isProgress = false;
  /** True if the style at the end of the held text is not the default. */
  #isOpen = false;
  /** True if the line changed the style. */
  #isStyled = false;
  /** True if the style changed after the held text. */
  #isRestyled = false;

  constructor(
    held: HeldLine,
    { isTerminal, styles }: { isTerminal: boolean; styles: StyleUse },
  ) {
    this.#held = held;
    this.#isTerminal = isTerminal;
    this.#use = styles;
  }

  /** True if there is nothing to show. */
  get isEmpty(): boolean {
    return !this.#hasContent;
  }

  /** True if the line has replaced its text, as progress does. */
  get isProgress(): boolean {
    return this.#isProgress;
  }

  /** True if the line has not begun, and has nothing of the one before. */
  get isFresh(): boolean {
    return !this.#hasContent && !this.#isBegun && !this.#isReturned &&
      (this.#use !== "show" || this.#style.isDefault);
  }

  /** Whole lines without returns and sequences as this line would print them, if it is fresh. */
  plain(lines: Uint8Array): Uint8Array {
    return this.#isTerminal
      ? encoder.encode(printable(decodeLeniently(lines)))
      : lines;
  }

  /** Adds a token other than the end of the line. */
  add(token: Token): void {
    if (token.kind !== "text") this.#endCharacter();
    if (token.kind === "return") {
      this.#isReturned = true;
      this.#isProgress = true;
    } else if (token.kind === "style") this.#addStyle(token.bytes);
    else if (token.kind === "text") this.#addText(token.bytes);
  }

  /** The end of the text for a terminal: about this number of its last bytes. */
  tail(bytes: number): string {
    return this.#held.tail(bytes) + (this.#isOpen ? RESET : "");
  }

  /** Ends the line as its program did, and hands it over. */
  finish(finished: FinishedLines): void {
    const keepsReturn = this.#isReturned && !this.#isTerminal;
    this.#moveTo(finished, keepsReturn ? LINE_END_AFTER_RETURN : LINE_END);
  }

  /** Ends the line although its program has not, and hands it over. */
  cut(finished: FinishedLines): void {
    this.#moveTo(finished, LINE_END);
  }

  /**
   * Moves a line to disk if it takes too much memory.
   *
   * @throws {PiriError} DISK
   */
  async save(): Promise<void> {
    await this.#held.save();
  }

  #addText(bytes: Uint8Array): void {
    if (this.#isReturned) this.#replace();
    else this.#begin();
    this.#hasContent = true;
    if (!this.#isTerminal) return this.#held.add(bytes);
    this.#addOwn(printable(this.#decoder.decode(bytes, { stream: true })));
    this.#isPartial = (bytes.at(-1) ?? 0) >= 0x80;
  }

  /** Ends a character of which only a part has come. */
  #endCharacter(): void {
    if (!this.#isPartial) return;
    this.#isPartial = false;
    this.#addOwn(this.#decoder.decode());
  }

  #addOwn(text: string): void {
    if (text !== "") this.#held.add(encoder.encode(text));
  }

  #addStyle(bytes: Uint8Array): void {
    if (this.#use === "remove") return;
    // After a return it changes what is to come, and leaves what is there.
    if (this.#isReturned) this.#isRestyled = true;
    else {
      this.#begin();
      this.#held.add(bytes);
    }
    this.#style.apply(String.fromCharCode(...bytes));
    this.#isStyled = true;
    if (!this.#isReturned) this.#isOpen = !this.#style.isDefault;
    if (this.#use === "keep") this.#hasContent = true;
  }

  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    if (this.#use !== "show") return;
    this.#addOwn(this.#style.sequences);
    this.#isOpen = !this.#style.isDefault;
  }

  #replace(): void {
    this.#held.clear();
    this.#isBegun = false;
    this.#begin();
    // The sequences that are gone with the old text may have changed the style for all that follows.
    if (this.#use === "keep" && this.#isStyled) this.#addOwn(this.#restyle());
    this.#isReturned = false;
    this.#isRestyled = false;
  }

  #moveTo(finished: FinishedLines, end: Uint8Array): void {
    this.#endCharacter();
    if (this.#use === "show" && this.#isOpen) this.#addOwn(RESET);
    if (this.#isRestyled && this.#use === "keep") this.#addOwn(this.#restyle());
    this.#held.moveTo(finished);
    finished.add(end);
    this.#hasContent = false;
    this.#isBegun = false;
    this.#isReturned = false;
    this.#isProgress = false;
    this.#isOpen = false;
    this.#isStyled = false;
    this.#isRestyled = false;
  }

  #restyle(): string {
    return RESET + this.#style.sequences;
  }
}
