import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { isWithin, parseWithin } from "../../lib/base/within.ts";

// The 23rd of November 2026 is a Monday.
const cases: [text: string, time: string, within: boolean][] = [
  ["Mon-Fri 08:00-18:00 UTC", "2026-11-23T08:00Z", true],
  ["Mon-Fri 08:00-18:00 UTC", "2026-11-23T07:59:59.999Z", false],
  ["Mon-Fri 08:00-18:00 UTC", "2026-11-27T17:59:59.999Z", true],
  ["Mon-Fri 08:00-18:00 UTC", "2026-11-27T18:00Z", false],
  ["Mon-Fri 08:00-18:00 UTC", "2026-11-28T12:00Z", false],
  ["mon-fri 8:00-18:00 utc", "2026-11-23T08:00Z", true],
  // Berlin is an hour before UTC in winter and two in summer.
  ["Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-23T07:00Z", true],
  ["Mon-Fri 08:00-18:00 Europe/Berlin", "2026-11-23T17:00Z", false],
  ["Mon-Fri 08:00-18:00 Europe/Berlin", "2026-07-20T06:00Z", true],
  ["Mon-Fri 08:00-18:00 Europe/Berlin", "2026-07-20T16:00Z", false],
  // The day is that of the zone, too.
  ["Mon Pacific/Auckland", "2026-11-22T12:00Z", true],
  ["Mon Pacific/Auckland", "2026-11-23T12:00Z", false],
  ["Sat,Sun UTC", "2026-11-29T23:59Z", true],
  ["Sat,Sun UTC", "2026-11-30T00:00Z", false],
  ["Sat-Mon UTC", "2026-11-23T10:00Z", true],
  ["Sat-Mon UTC", "2026-11-24T10:00Z", false],
  ["Tue,Thu-Fri 01:00-02:00,10:00-24:00 UTC", "2026-11-24T23:59Z", true],
  ["Tue,Thu-Fri 01:00-02:00,10:00-24:00 UTC", "2026-11-24T09:00Z", false],
  ["Tue,Thu-Fri 01:00-02:00,10:00-24:00 UTC", "2026-11-25T11:00Z", false],
  // A night belongs to the day on which it begins.
  ["Fri 22:00-06:00 UTC", "2026-11-27T22:00Z", true],
  ["Fri 22:00-06:00 UTC", "2026-11-28T05:59Z", true],
  ["Fri 22:00-06:00 UTC", "2026-11-28T06:00Z", false],
  ["Fri 22:00-06:00 UTC", "2026-11-27T05:00Z", false],
  ["Sun 22:00-06:00 UTC", "2026-11-23T05:00Z", true],
  ["22:00-06:00 UTC", "2026-11-25T03:00Z", true],
  ["UTC", "2026-11-25T03:00Z", true],
];

Deno.test("isWithin judges days and times by the clock of the zone", () => {
  for (const [text, time, expected] of cases) {
    assertEquals(
      [text, time, isWithin(text, Date.parse(time))],
      [text, time, expected],
    );
  }
});

Deno.test("parseWithin refuses what it cannot read, and tells what to write", () => {
  const texts: [text: string, fact: string][] = [
    ["", "it has no time zone"],
    ["Mon-Fri 08:00-18:00", "it has no time zone"],
    ["Mon-Fry 08:00-18:00 UTC", '"Fry" is not a day; did you mean "Fri"?'],
    ["Mon-Wed-Fri UTC", "it should be days, times and a time zone"],
    ["Mon 08:00 UTC", '"08:00" is no range of times; write it as 08:00-18:00'],
    ["Mon 8-18 UTC", '"8-18" is no range of times'],
    ["08:60-09:00 UTC", '"08:60-09:00" is no range of times'],
    ["24:00-06:00 UTC", '"24:00-06:00" is no range of times'],
    ["08:00-24:01 UTC", '"08:00-24:01" is no range of times'],
    ["08:00-08:00 UTC", '"08:00-08:00" is empty'],
    ["08:00-18:00 Europe/Bonn", '"Europe/Bonn" is not a time zone'],
    ["Mon 08:00-18:00 UTC please", "it should be days, times and a time zone"],
  ];
  for (const [text, fact] of texts) {
    assertThrows(
      () => parseWithin(text),
      PiriError,
      `Cannot read the times "${text}": ${fact}`,
    );
  }
});
