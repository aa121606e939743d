import { assertEquals } from "@std/assert";
import { globMatches } from "../../lib/base/glob.ts";

Deno.test("globMatches takes * for a part of a name and ** for anything", () => {
  const cases: [pattern: string, text: string, fits: boolean][] = [
    ["nginx", "nginx", true],
    ["nginx", "nginx.service", false],
    ["nginx*", "nginx", true],
    ["nginx*", "nginx.service", true],
    ["php*-fpm", "php8.3-fpm", true],
    ["php*-fpm", "php8.3-fpm.socket", false],
    ["/srv/*/log", "/srv/app/log", true],
    ["/srv/*/log", "/srv/app/x/log", false],
    ["/srv/**", "/srv/app/x/log", true],
    ["*", "", true],
    ["*", "a/b", false],
    ["**", "a/b", true],
    ["a.c", "abc", false],
    ["(x|y)", "(x|y)", true],
    ["*\u{1f600}*", "a\u{1f600}b", true],
    ["*", "two\nlines", true],
  ];
  for (const [pattern, text, fits] of cases) {
    assertEquals([pattern, text, globMatches(pattern, text)], [
      pattern,
      text,
      fits,
    ]);
  }
});

Deno.test("globMatches takes no longer for many wildcards than for one, times their number", () => {
  assertEquals(globMatches("*a".repeat(40), "a".repeat(4_000) + "b"), false);
});
