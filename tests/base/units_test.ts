import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  parseDuration,
  parseSize,
  parseTypedDuration,
} from "../../lib/base/units.ts";

Deno.test("parseDuration reads one or more numbers with units", () => {
  const durations: [text: string, ms: number][] = [
    ["250ms", 250],
    ["5m", 300_000],
    ["1.5h", 5_400_000],
    ["1h30m", 5_400_000],
    ["30d", 2_592_000_000],
    ["2w", 1_209_600_000],
    ["0s", 0],
  ];
  for (const [text, ms] of durations) assertEquals(parseDuration(text), ms);
});

Deno.test("parseDuration refuses a number without a unit, a sign and other units", () => {
  for (const text of ["", "30", "-5s", "5 m", "1y", "s", "1h30", "1e3s"]) {
    assertThrows(() => parseDuration(text), PiriError, "Cannot read the");
  }
});

Deno.test("parseTypedDuration takes a number alone for seconds, and all else as parseDuration", () => {
  assertEquals(
    ["5", "1.5", "5m"].map(parseTypedDuration),
    [5_000, 1_500, 300_000],
  );
  for (const text of ["", "-5", "1e3", "5."]) {
    assertThrows(() => parseTypedDuration(text), PiriError, "Cannot read the");
  }
});

Deno.test("parseTypedDuration takes the words and spaces that people type", () => {
  assertEquals(
    [
      "90",
      "1w",
      "2d12h",
      "5 min",
      "5min",
      "90sec",
      "1 hour",
      "2 days 12 hours",
      "1h 30m",
      "250 ms",
      "1H",
    ].map(parseTypedDuration),
    [
      90_000,
      604_800_000,
      216_000_000,
      300_000,
      300_000,
      90_000,
      3_600_000,
      216_000_000,
      5_400_000,
      250,
      3_600_000,
    ],
  );
  for (const text of ["soon", "5 5", "1 h 30", "min", "1 year"]) {
    assertThrows(
      () => parseTypedDuration(text),
      PiriError,
      `Cannot read the duration "${text}"`,
    );
  }
});

Deno.test("parseSize reads bytes, powers of 1024 and powers of 1000", () => {
  const sizes: [text: string, bytes: number][] = [
    ["65536", 65_536],
    ["10B", 10],
    ["64MiB", 67_108_864],
    ["64 mib", 67_108_864],
    ["1.5KiB", 1_536],
    ["64M", 67_108_864],
    ["1k", 1_024],
    ["10MB", 10_000_000],
  ];
  for (const [text, bytes] of sizes) assertEquals(parseSize(text), bytes);
});

Deno.test("parseSize refuses text that is no size, and sizes that are too large to count", () => {
  for (const text of ["", "MiB", "-1", "5 bananas", "1e3", "9000000TiB"]) {
    assertThrows(() => parseSize(text), PiriError, "Cannot read the size");
  }
});
