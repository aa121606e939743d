import { assertEquals } from "@std/assert";
import {
  durationText,
  isoTime,
  localTime,
  relativeTime,
} from "../../lib/cli/time.ts";

Deno.test("localTime() is in the local time zone", () => {
  assertEquals(
    localTime(new Date(2026, 10, 2, 3, 4, 5).getTime()),
    "2026-11-02 03:04:05",
  );
});

Deno.test("isoTime() is UTC", () => {
  assertEquals(isoTime(1_000n), "1970-01-01T00:00:01.000Z");
});

Deno.test("relativeTime() tells the age of a time within the last week", () => {
  const now = Date.UTC(2026, 0, 31);
  const minute = 60_000;
  const day = 1_440 * minute;

  assertEquals(
    [0, 5_000, 3 * minute + 5_000, 125 * minute, 3 * day].map((passed) =>
      relativeTime(now - passed, now)
    ),
    ["just now", "5 s ago", "3 min ago", "2 h ago", "3 d ago"],
  );
  assertEquals(relativeTime(now - 8 * day, now), localTime(now - 8 * day));
  assertEquals(relativeTime(now + minute, now), localTime(now + minute));
});

Deno.test("durationText() keeps the two largest units", () => {
  assertEquals(
    [7, 1_500, 2_000, 9_999, 59_999, 60_000, 90_000, 3_660_000, 90_000_000]
      .map(durationText),
    [
      "7 ms",
      "1.5 s",
      "2 s",
      "9.9 s",
      "59 s",
      "1 min",
      "1 min 30 s",
      "1 h 1 min",
      "1 d 1 h",
    ],
  );
});
