import { assertEquals, assertRejects } from "@std/assert";
import * as v from "valibot";
import { PiriError } from "../../lib/base/errors.ts";
import {
  durationSetting,
  parseSettings,
  sizeSetting,
} from "../../lib/base/settings.ts";

const Schema = v.strictObject({
  name: v.string("it should be text"),
  keep: v.optional(
    v.strictObject({
      days: v.optional(
        durationSetting(86_400_000, { least: "1h", most: "10d" }),
        1,
      ),
      bytes: v.optional(sizeSetting({ least: "1KiB", most: "1MiB" }), "2KiB"),
    }),
    {},
  ),
});

async function errorOf(text: string): Promise<string> {
  const read = () => parseSettings(text, "x.yaml", Schema);
  return (await assertRejects(read, PiriError)).message;
}

Deno.test("parseSettings fills in defaults", async () => {
  for (const text of ["name: a", "name: a\n", "name: 'a'\n"]) {
    assertEquals(await parseSettings(text, "x.yaml", Schema), {
      name: "a",
      keep: { days: 86_400_000, bytes: 2_048 },
    });
  }
});

Deno.test("durations and sizes are plain numbers, or numbers with a unit", async () => {
  const keepOf = async (keep: string) =>
    (await parseSettings(`name: a\nkeep: ${keep}`, "x.yaml", Schema)).keep;
  assertEquals(await keepOf("{ days: 2, bytes: 4096 }"), {
    days: 172_800_000,
    bytes: 4_096,
  });
  assertEquals(await keepOf("{ days: 12h, bytes: 1MiB }"), {
    days: 43_200_000,
    bytes: 1_048_576,
  });
});

Deno.test("parseSettings reports the place and the mistake", async () => {
  const wrong: [text: string, reason: string][] = [
    ["nam: a\n", `line 1: "nam" is not a setting; did you mean "name"?`],
    [
      "name: a\nkeep:\n  # a comment\n  byts: 1\n",
      `line 4: "keep.byts" is not a setting; did you mean "bytes"?`,
    ],
    ["keep: {}\n", `"name" is missing`],
    ["", `"name" is missing`],
    ["name: 5\n", `line 1: "name" is wrong: it should be text`],
    [
      "- a\n",
      "line 1: it should be settings, as key: value, and is a list",
    ],
    ["just text\n", "line 1: it should be settings, as key: value"],
    [
      "name: a\nkeep:\n  days: 11d\n",
      `line 3: "keep.days" is wrong: it should be from 1h to 10d`,
    ],
    [
      "name: a\nkeep:\n  bytes: many\n",
      `line 3: "keep.bytes" is wrong: it should be a number and one of B, KiB, MiB, GiB, TiB (or K, M, G, T), kB, MB, GB, TB, as 64MiB`,
    ],
  ];
  for (const [text, reason] of wrong) {
    assertEquals(await errorOf(text), `Cannot read "x.yaml": ${reason}`);
  }
});
