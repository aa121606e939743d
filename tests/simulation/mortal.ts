import type { Life } from "./life.ts";

/** Kind of death: only the process, or the whole machine, which informs nobody. */
export type Death = "kill" | "power";

/** Moment of a death, and time until the next start. */
export interface DeathTimes {
  /** Moment: 0 for now, n for the n-th call from now. */
  readonly atCall: number;
  /** Time until it is started again, in milliseconds. */
  readonly awayMs: number;
}

/** Program that can die in the middle of any work and is started again. Manager and Agent are such programs. */
export abstract class Mortal {
  protected awayMs = 1_000;
  #life: Life | undefined;
  #death: Death = "kill";

  /** Newest run. */
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

  /** Cancels a planned death. */
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

  /** Takes the kind of its last death; the next death is an ordinary one unless another is planned. */
  protected takeDeath(): Death {
    const death = this.#death;
    this.#death = "kill";
    return death;
  }
}
