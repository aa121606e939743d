import { assertEquals } from "@std/assert";
import { tryInput } from "./fuzz_targets.ts";

Deno.test("twenty thousand damaged expressions are read, or refused at a place inside them", () => {
  const failures = Array.from({ length: 20_000 }, (_, seed) => tryInput(seed))
    .filter((failure) => failure !== undefined);

  assertEquals(failures.slice(0, 3), []);
});
