import { assertEquals } from "@std/assert";
import {
  Denials,
  MAX_KINDS,
  TOGETHER_MS,
} from "../../../lib/manager/audit/denials.ts";
import type { Denial } from "../../../lib/manager/api/audit_api.ts";
import type { NewAudit } from "../../../lib/store/audit_records.ts";
import { FakeClock } from "../../support/fake_clock.ts";

/** Refusal of a stranger. */
function stranger(origin: string): Denial {
  return {
    who: "",
    credential: "none",
    origin,
    act: "ListAgents",
    on: [],
    operation: "",
    rule: "",
    reason: "Cannot answer",
  };
}

/** Refusal of an operator by a rule. */
function alice(given: Partial<Denial> = {}): Denial {
  return {
    who: "alice",
    credential: "token 5",
    origin: "192.0.2.7",
    act: "StartJob",
    on: ["db-1"],
    operation: "command.Run",
    rule: "alice#2",
    reason: 'Cannot run command.Run on "db-1"',
    ...given,
  };
}

function start() {
  const clock = new FakeClock();
  const entries: NewAudit[] = [];
  const denials = new Denials({
    store: {
      recordAudit: (entry) => {
        entries.push(entry);
        return Promise.resolve();
      },
    },
    clock,
  });
  return {
    clock,
    denials,
    entries,
    outcomes: () => entries.map((e) => e.outcome),
  };
}

Deno.test("a denial is an entry at once, with who, from where, by which rule and on which agents", () => {
  const { denials, entries } = start();
  denials.add(alice());

  assertEquals(
    entries.map(({ at: _, ...entry }) => entry),
    [{
      who: "alice",
      credential: "token 5",
      origin: "192.0.2.7",
      act: "StartJob",
      target: "db-1",
      operation: "command.Run",
      decision: "denied",
      rule: "alice#2",
      statement: null,
      outcome: 'Cannot run command.Run on "db-1"',
      note: "",
    }],
  );
});

Deno.test("failures from one address are one entry at once, and one a minute with their number", async () => {
  const { clock, denials, entries, outcomes } = start();
  for (let count = 0; count < 5_000; count++) {
    denials.add(stranger("192.0.2.9"));
  }
  assertEquals(entries.length, 1);
  await clock.advance(TOGETHER_MS);

  assertEquals(outcomes(), [
    "Cannot answer",
    "Cannot answer (4999 times more within a minute)",
  ]);
  await clock.advance(10 * TOGETHER_MS);
  assertEquals(entries.length, 2);
  denials.add(stranger("192.0.2.9"));
  assertEquals(entries.length, 3);
});

Deno.test("failures from a network of IPv6 are those of one address", () => {
  const { denials, entries } = start();
  denials.add(stranger("2001:db8::1"));
  denials.add(stranger("2001:db8::2"));
  denials.add(stranger("2001:db8:0:1::1"));

  assertEquals(entries.map(({ origin }) => origin), [
    "2001:db8::1",
    "2001:db8:0:1::1",
  ]);
});

Deno.test("failures from many addresses are bounded, and what is beyond the bound is counted", async () => {
  const { clock, denials, entries, outcomes } = start();
  for (let count = 0; count < 5_000; count++) {
    denials.add(stranger(`10.0.${count >> 8}.${count & 255}`));
  }
  assertEquals(entries.length, MAX_KINDS + 1);
  await clock.advance(TOGETHER_MS);

  assertEquals(
    outcomes().at(-1),
    `Cannot answer (${
      5_000 - MAX_KINDS - 1
    } times more within a minute, of several kinds)`,
  );
  assertEquals(entries.length, MAX_KINDS + 2);
});

Deno.test("denials by different rules are different entries, and by one rule on many agents one", () => {
  const { denials, entries } = start();
  denials.add(alice());
  denials.add(alice({ on: ["db-2"] }));
  denials.add(alice({ rule: "alice#3" }));
  denials.add(alice({ act: "Run" }));

  assertEquals(entries.map(({ act, rule }) => `${act} ${rule}`), [
    "StartJob alice#2",
    "StartJob alice#3",
    "Run alice#2",
  ]);
});

Deno.test("denials that were only counted are written when the Manager stops", async () => {
  const { denials, outcomes } = start();
  denials.add(alice());
  denials.add(alice());
  await denials.close();

  assertEquals(outcomes().at(-1)?.includes("(once more within"), true);
});
