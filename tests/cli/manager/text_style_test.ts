import { assertEquals } from "@std/assert";
import { TextStyle } from "../../../lib/cli/manager/text_style.ts";

/** Sequences that set a style again which these parameters have set, one sequence each. */
function styleOf(...parameters: string[]): string {
  const style = new TextStyle();
  for (const one of parameters) style.apply(`\x1b[${one}m`);
  return style.sequences.replaceAll("\x1b[", "<").replaceAll("m", ">");
}

Deno.test("a style knows what is set, and forgets what was ended", () => {
  assertEquals(styleOf("1;31", "4"), "<1><31><4>");
  assertEquals(styleOf("1;31", "22"), "<31>");
  assertEquals(styleOf("31", "39"), "");
  assertEquals(styleOf("31", "32"), "<32>");
  assertEquals(styleOf("1", "2", "22"), "");
  assertEquals(styleOf("01;34", ""), "");
  assertEquals(styleOf("31;;1"), "<1>");
  assertEquals(styleOf("97;107", "49"), "<97>");
});

Deno.test("a style takes all parameters of a colour together", () => {
  assertEquals(styleOf("38;5;1;4"), "<38;5;1><4>");
  assertEquals(styleOf("48;2;1;2;3;7"), "<48;2;1;2;3><7>");
  assertEquals(styleOf("58;5;9", "59"), "");
  assertEquals(styleOf("38:2::1:2:3;1"), "<38:2::1:2:3><1>");
  assertEquals(styleOf("4:3", "24"), "");
  assertEquals(styleOf("4:3", "4:0"), "");
});

Deno.test("a colour with too few parameters takes none of another's", () => {
  assertEquals(styleOf("38;5", "1"), "<38;5><1>");
  assertEquals(styleOf("38", "1"), "<38><1>");
});

Deno.test("a parameter that no attribute has keeps a style from being the default until a reset", () => {
  const style = new TextStyle();
  style.apply("\x1b[26m");
  const before = style.isDefault;
  style.apply("\x1b[m");

  assertEquals([before, style.isDefault], [false, true]);
});
