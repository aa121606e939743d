import { assertEquals } from "@std/assert";

/** Compares a text with a file of `golden/`. */
export async function assertGolden(name: string, text: string): Promise<void> {
  const file = new URL(`golden/${name}`, import.meta.url);
  assertEquals(text, await Deno.readTextFile(file));
}
