import type { Clock } from "../../base/clock.ts";
import type { Events } from "../events/events.ts";

/** Time between two notices, in milliseconds. */
const NOTICE_MS = 86_400_000;

/** Notices that the server's certificate has to be renewed by a key that is kept elsewhere: at most one a day. */
export class DueRenewal {
  readonly #clock: Pick<Clock, "now">;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  tell(
    events: Pick<Events, "add">,
    { expiresAt }: { readonly expiresAt: number },
  ): void {
    const now = this.#clock.now();
    if (now - this.#toldAt < NOTICE_MS) return;
    this.#toldAt = now;
    const end = new Date(expiresAt).toISOString();
    events.add(
      "certificate_due",
      `the server certificate, which is good until ${end}, has to be issued anew, and the authority's key is not here; run piri-manager ca renew --ca-key FILE`,
    );
  }
}
