import { assertEquals } from "@std/assert";
import { sampleNames } from "../../lib/targets/sample_names.ts";

const names = Array.from({ length: 20 }, (_, index) => `web-${index}`);

Deno.test("a sample has its size, keeps the order, and is the same for the same seed", () => {
  for (let seed = 0; seed < 50; seed++) {
    const sample = sampleNames(names, { count: 5 }, seed);

    assertEquals(sample.length, 5);
    assertEquals(sample, names.filter((name) => sample.includes(name)));
    assertEquals(sampleNames(names, { count: 5 }, seed), sample);
  }
});

Deno.test("a part is rounded up, and a size above the number of names takes all", () => {
  const sizes = [0.1, 5, 5.1, 50, 99, 100].map((percent) =>
    sampleNames(names, { percent }, 1).length
  );

  assertEquals(sizes, [1, 1, 2, 10, 20, 20]);
  assertEquals(sampleNames(names, { count: 21 }, 1), names);
});

Deno.test("a part is not one name more by an error of the multiplication, and never empty", () => {
  const many = Array.from({ length: 250 }, (_, index) => `web-${index}`);

  assertEquals(sampleNames(many, { percent: 64.4 }, 1).length, 161);
  assertEquals(sampleNames(many, { percent: 1e-12 }, 1).length, 1);
});

Deno.test("each name is in about as many samples as any other", () => {
  const counts = new Map(names.map((name) => [name, 0]));
  for (let seed = 0; seed < 4_000; seed++) {
    for (const name of sampleNames(names, { count: 5 }, seed)) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }

  // A thousand each are expected, with a standard deviation of 27.
  assertEquals([...counts.values()].filter((n) => n < 850 || n > 1_150), []);
});
