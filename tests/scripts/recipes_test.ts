import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { targets } from "../../scripts/build/target.ts";
import { recipesOf } from "../../scripts/release/recipes.ts";

const RELEASES = "https://example.org/piri/releases";

/** A manifest with the files of both products for some targets. */
function manifest(...names: readonly string[]): string {
  const files = ["piri-agent", "piri-manager"].flatMap((product, index) =>
    names.map((target) => ({
      name: `${product}-${target}`,
      product,
      target,
      sha256: `${index}${targets.findIndex(({ name }) => name === target)}`
        .repeat(32),
    }))
  );
  return JSON.stringify({ version: "0.3.0", files });
}

const all = targets.map(({ name }) => name);

for (
  const name of [
    "piri-agent.rb",
    "piri-manager.rb",
    "Piri.Agent.yaml",
    "Piri.Agent.installer.yaml",
    "Piri.Agent.locale.en-US.yaml",
  ]
) {
  Deno.test(`the recipe ${name} is that of golden/`, async () => {
    const recipes = recipesOf(manifest(...all), { releases: RELEASES });
    const golden = new URL(`golden/${name}`, import.meta.url);
    assertEquals(
      recipes.get(name),
      await Deno.readTextFile(fromFileUrl(golden)),
    );
  });
}

Deno.test("a recipe is made only if the release has all files that it names", () => {
  const of = (...names: string[]) => [
    ...recipesOf(manifest(...names), { releases: RELEASES }).keys(),
  ];
  assertEquals(of("linux-x64"), []);
  assertEquals(of("windows-x64").length, 6);
  assertEquals(of(...all).length, 8);
});
