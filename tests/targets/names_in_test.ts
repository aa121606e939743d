import { assertEquals } from "@std/assert";
import { isNamedIn, namesAgent } from "../../lib/targets/names_in.ts";

Deno.test("an expression names an agent by its name, or in a range, wherever it is", () => {
  const naming = [
    "web-2",
    "web-[1-3]",
    "web-{1,2}",
    "name=web-2",
    "@db, web-2",
    "all ! web-2",
    "@web & (web-2 or db-1)",
  ];
  const others = [
    "web-20",
    "web-*",
    "web-?",
    "web-[3-9]",
    "@web-2",
    "os=web-2",
    "all",
    "name=web-*",
    "@failed(j-2)",
  ];

  assertEquals(
    naming.filter((text) => !namesAgent(text, "web-2")),
    [],
  );
  assertEquals(others.filter((text) => namesAgent(text, "web-2")), []);
});

Deno.test("an expression that cannot be read names nobody", () => {
  assertEquals(
    ["web-2", "web-2 (", ""].map((text) => isNamedIn(text, "web-2")),
    [
      true,
      false,
      false,
    ],
  );
});
