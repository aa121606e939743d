import type { Life } from "./life.ts";

/** How a program's end comes: its process alone, or the whole machine, which tells nobody. */
export type Death = "kill" | "power";

/** When an end comes, and how long it lasts. */
export interface DeathTimes {
  /** At once for 0, else at the so-manieth call of a seam from now. */
  readonly atCall: number;
  /** It is started again after so long, milliseconds. */
  readonly awayMs: number;
}

/** A program that dies in the middle of whatever it does and is started again, as a Manager and an Agent do. */
export abstract class Mortal {
  protected awayMs = 1_000;
  #life: Life | undefined;
  #death: Death = "kill";

  /** Its newest run. */
  get life(): Life | undefined {
    return this.#life;
  }

  get isAlive(): boolean {
    return this.#life?.isAlive ?? false;
  }

  /** Ends it, now or later, and starts it again after a while. */
  die(death: Death, { atCall, awayMs }: DeathTimes): void {
    if (!this.isAlive) return;
    this.#death = death;
    this.awayMs = awayMs;
    if (atCall === 0) this.#life?.end();
    else this.#life?.endAtCall(atCall);
  }

  /** What was planned for it does not come. */
  spare(): void {
    this.#death = "kill";
    this.#life?.endAtCall(Infinity);
  }

  protected lives(life: Life): void {
    this.#life = life;
  }

  /** Ends it now. */
  protected end(death: Death): void {
    if (!this.isAlive) return;
    this.#death = death;
    this.#life?.end();
  }

  /** How it died, once it has; the next death is an ordinary one unless another is planned. */
  protected takeDeath(): Death {
    const death = this.#death;
    this.#death = "kill";
    return death;
  }
}
