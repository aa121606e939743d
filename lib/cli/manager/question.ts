import type { Timer } from "../../base/clock.ts";
import type { Terminal } from "../terminal.ts";

/** Time for an answer, in milliseconds. */
const ANSWER_MS = 5_000;

/** Answer to the question that Ctrl-C asks. */
export type Answer = "cancel" | "leave" | "go on";

const ANSWERS: Readonly<Record<string, Answer>> = {
  c: "cancel",
  C: "cancel",
  d: "leave",
  D: "leave",
  "\r": "go on",
  "\n": "go on",
  // Ctrl-C where it is a key.
  "\x03": "cancel",
};

/** Text of the question. */
export const QUESTION =
  "cancel the job [c], leave it running [d], go on [Enter]?";

/** A question at a terminal, answered by a key: `cancel` without an answer. */
export class Question implements Disposable {
  readonly #keys: Disposable;
  readonly #timer: Timer;
  readonly #answered: (answer: Answer) => void;
  #isOpen = true;

  constructor(terminal: Terminal, answered: (answer: Answer) => void) {
    this.#answered = answered;
    this.#keys = terminal.onKey((key) => {
      const answer = ANSWERS[key];
      if (answer !== undefined) this.answer(answer);
    });
    this.#timer = terminal.clock.timer(
      ANSWER_MS,
      () => this.answer("cancel"),
    );
  }

  /** Answers, unless that has happened. */
  answer(answer: Answer): void {
    if (!this.#isOpen) return;
    this[Symbol.dispose]();
    this.#answered(answer);
  }

  [Symbol.dispose](): void {
    this.#isOpen = false;
    this.#keys[Symbol.dispose]();
    this.#timer.cancel();
  }
}
