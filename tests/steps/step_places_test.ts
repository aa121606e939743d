import { assertEquals } from "@std/assert";
import { readPlaces, writePlaces } from "../../lib/steps/step_places.ts";

Deno.test("places are read as they were written, with each file once", () => {
  const text = writePlaces([
    { step: "Site", file: "states/all.yaml", line: 3 },
    { step: "__proto__", file: "states/all.yaml", line: 7 },
  ]);

  assertEquals(text.split("states/all.yaml").length, 2);
  assertEquals([...readPlaces(text)], [
    ["Site", { file: "states/all.yaml", line: 3 }],
    ["__proto__", { file: "states/all.yaml", line: 7 }],
  ]);
});

Deno.test("places that would be too long are left out", () => {
  const file = "a".repeat(9_000_000);

  assertEquals(writePlaces([{ step: "Site", file, line: 1 }]), "");
  assertEquals(writePlaces([]), "");
});

Deno.test("a text that is none of places has none", () => {
  for (const text of ["", "{", "[]", '{"files":[],"steps":[["a",0,1]]}']) {
    assertEquals([...readPlaces(text)], [], text);
  }
});
