import { assertEquals } from "@std/assert";
import { FailedLogins } from "../../lib/api/failed_logins.ts";
import { FakeClock } from "../support/fake_clock.ts";

const MINUTE = 60_000;

function start() {
  const clock = new FakeClock();
  const logins = new FailedLogins(clock);
  return {
    clock,
    logins,
    /** Fails a number of times. Returns the number after which the address was held up. */
    fail: (count: number, address = "192.0.2.9") => {
      let until = 0;
      for (let done = 0; done < count; done++) {
        until += logins.isHeld(address) ? 0 : 1;
        logins.note(address);
      }
      return until;
    },
  };
}

Deno.test("an address is held up after 20 failures within a minute, and others are not", () => {
  const { logins, fail } = start();

  assertEquals(fail(100), 20);
  assertEquals(logins.isHeld("192.0.2.10"), false);
});

Deno.test("19 failures a minute hold nobody up", async () => {
  const { clock, logins, fail } = start();
  for (let minute = 0; minute < 10; minute++) {
    fail(19);
    await clock.advance(MINUTE);
  }

  assertEquals(logins.isHeld("192.0.2.9"), false);
});

Deno.test("each further hold is twice as long, up to ten minutes", async () => {
  const { clock, logins, fail } = start();
  const holds: number[] = [];
  for (let round = 0; round < 6; round++) {
    fail(20);
    let minutes = 0;
    while (logins.isHeld("192.0.2.9")) {
      await clock.advance(MINUTE);
      minutes++;
    }
    holds.push(minutes);
  }

  assertEquals(holds, [1, 2, 4, 8, 10, 10]);
});

Deno.test("the holds of an address begin anew after ten minutes without a failure", async () => {
  const { clock, logins, fail } = start();
  fail(20);
  await clock.advance(MINUTE);
  fail(20);
  await clock.advance(2 * MINUTE + 10 * MINUTE);
  fail(20);
  await clock.advance(MINUTE);

  assertEquals(logins.isHeld("192.0.2.9"), false);
});

Deno.test("addresses of one network of IPv6 are held up together", () => {
  const { logins, fail } = start();
  fail(20, "2001:db8::1");

  assertEquals(logins.isHeld("2001:db8::ffff"), true);
  assertEquals(logins.isHeld("2001:db8:0:1::1"), false);
});
