import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { sealedChange } from "../../../lib/steps/secrets/sealed_changes.ts";
import {
  type ShownLine,
  shownLines,
} from "../../../lib/steps/secrets/shown_lines.ts";
import { filled } from "../../../lib/steps/secrets/secret_values.ts";
import { differenceOf } from "../../../lib/steps/text_change.ts";
import { leaksIn, sealed } from "./memory_secrets.ts";

function linesOf(
  parts: readonly string[],
  texts: Readonly<Record<string, string>>,
): [string, ShownLine][] {
  const params = { content: sealed(...parts) };
  return [...shownLines(params, new Map(Object.entries(texts)))];
}

Deno.test("lines are shown with placeholders, and a secret of several lines by its first", () => {
  const key = "begin\nmiddle\nend";

  assertEquals(linesOf(["a\nb=", "$pw", " c\n"], { pw: "hunter22" }), [
    ["a", "a"],
    ["b=hunter22 c", "b=‹secret pw› c"],
    ["", ""],
  ]);
  assertEquals(linesOf(["k=", "$key", "\nx"], { key }), [
    ["k=begin", "k=‹secret key›"],
    ["middle", null],
    ["end", null],
    ["x", "x"],
  ]);
  assertEquals(linesOf(["$key", " after"], { key }).at(-1), [
    "end after",
    "… after",
  ]);
  assertEquals(linesOf(["$key", "$pw"], { key, pw: "hunter22" }).at(-1), [
    "endhunter22",
    "‹secret pw›",
  ]);
});

Deno.test("a plain line that is equal to one of a secret is not shown", () => {
  const lines = linesOf(["middle\n", "$key"], { key: "begin\nmiddle\nend" });

  assertEquals(new Map(lines).get("middle"), null);
});

Deno.test("a line with the end of Windows is shown as any other", () => {
  assertEquals(linesOf(["a=", "$pw", "\r\n"], { pw: "hunter22" })[0], [
    "a=hunter22",
    "a=‹secret pw›",
  ]);
});

Deno.test("a difference of any two contents shows no line of a secret, former or new", async () => {
  const line = fc.stringMatching(/^[a-z]{0,4}$/);
  const secret = fc.stringMatching(/^[A-Z0-9]{8,20}(\n[A-Z0-9]{8,20}){0,3}$/);
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 6 }),
      fc.array(fc.oneof(line, secret), { maxLength: 6 }),
      secret,
      secret,
      async (around, former, pw, old) => {
        const before = [...former, `pw=${old}`, ...around].join("\n");
        const content = sealed(
          around.map((each) => `${each}\n`).join(""),
          "pw=",
          "$pw",
        );
        const texts = new Map([["pw", pw]]);
        const after = String(filled(content, texts));
        const change = {
          what: "content",
          from: "10 bytes, 0123456789ab",
          to: "20 bytes, 0123456789ac",
          ...await differenceOf(before, after),
        };

        const { from, to, text = "" } = sealedChange(change, {
          lines: shownLines({ content }, texts),
          places: new Map([["content", "‹secret pw›"]]),
          hasSecret: (each) => each.includes(pw),
        });

        const secrets = [
          pw,
          old,
          ...former.filter((each) => /[A-Z]/.test(each)),
        ];
        assertEquals(leaksIn([text], secrets), []);
        assertEquals([from, to], ["(not shown)", "‹secret pw›"]);
      },
    ),
  );
});
