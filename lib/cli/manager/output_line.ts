import { printable } from "../text.ts";
import type { HeldLine, Piece } from "./held_line.ts";
import type { Token } from "./output_tokens.ts";
import { RESET, TextStyle } from "./text_style.ts";

/**
 * Treatment of colours and other SGR attributes. `show`: they end with each line and go on in the next, so that they
 * never reach a prefix. `keep`: the bytes stay as they are. `remove`: they are left out.
 */
export type StyleUse = "show" | "keep" | "remove";

/** The current line of a program: a lone return replaces its text by what follows. */
export class OutputLine {
  readonly #held: HeldLine;
  readonly #isTerminal: boolean;
  readonly #use: StyleUse;
  readonly #style = new TextStyle();
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

  /** Adds a token other than the end of the line. */
  add(token: Token): void {
    if (token.kind === "return") {
      this.#isReturned = true;
      this.#isProgress = true;
    } else if (token.kind === "style") this.#addStyle(token.text);
    else if (token.kind === "text") this.#addText(token.text);
  }

  /** The end of the text, about so many characters, for a terminal. */
  tail(length: number): string {
    return this.#held.tail(length) + (this.#isOpen ? RESET : "");
  }

  /** Ends the line as its program did, and hands it over. */
  finish(): Piece[] {
    const end = this.#isReturned && !this.#isTerminal ? "\r\n" : "\n";
    return this.#take(end);
  }

  /** Ends the line although its program has not, and hands it over. */
  cut(): Piece[] {
    return this.#take("\n");
  }

  /**
   * Moves a line to disk if it takes too much memory.
   *
   * @throws {PiriError} DISK
   */
  async save(): Promise<void> {
    await this.#held.save();
  }

  #addText(text: string): void {
    if (this.#isReturned) this.#replace();
    else this.#begin();
    this.#held.add(this.#isTerminal ? printable(text) : text);
    this.#hasContent = true;
  }

  #addStyle(sequence: string): void {
    if (this.#use === "remove") return;
    // After a return it changes what is to come, and leaves what is there.
    if (this.#isReturned) this.#isRestyled = true;
    else {
      this.#begin();
      this.#held.add(sequence);
    }
    this.#style.apply(sequence);
    this.#isStyled = true;
    if (!this.#isReturned) this.#isOpen = !this.#style.isDefault;
    if (this.#use === "keep") this.#hasContent = true;
  }

  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    if (this.#use !== "show") return;
    this.#held.add(this.#style.sequences);
    this.#isOpen = !this.#style.isDefault;
  }

  #replace(): void {
    this.#held.clear();
    this.#isBegun = false;
    this.#begin();
    // The sequences that are gone with the old text may have changed the style for all that follows.
    if (this.#use === "keep" && this.#isStyled) this.#held.add(this.#restyle());
    this.#isReturned = false;
    this.#isRestyled = false;
  }

  #take(end: string): Piece[] {
    const style = this.#use === "show"
      ? (this.#isOpen ? RESET : "")
      : (this.#isRestyled ? this.#restyle() : "");
    this.#hasContent = false;
    this.#isBegun = false;
    this.#isReturned = false;
    this.#isProgress = false;
    this.#isOpen = false;
    this.#isStyled = false;
    this.#isRestyled = false;
    return [...this.#held.take(), style + end];
  }

  #restyle(): string {
    return RESET + this.#style.sequences;
  }
}
