import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { parseTargets } from "../../lib/targets/parse_targets.ts";

for (
  const [grain, comparison] of [
    ["os:Debian", "os.name=debian"],
    ["os:RedHat", "os.name=rhel"],
    ["os:Deb*", "os.name=deb*"],
    ["os", "os.name=VALUE"],
    ["os:", "os.name=VALUE"],
    ["os_family:Suse", "os.family=suse"],
    ["osrelease:12", "os.version=12"],
    ["oscodename:bookworm", "os.codename=bookworm"],
    ["kernel:Linux", "os=linux"],
    ["kernelrelease:6.1*", "kernel=6.1*"],
    ["cpuarch:x86_64", "arch=x64"],
    ["osarch:aarch64", "arch=arm64"],
    ["num_cpus:8", "cpus=8"],
    ["id:web-1", "name=web-1"],
    ["role:db", "role=db"],
    ["rack:row:4", "rack.row=4"],
    ["role:{db}", 'role="{db}"'],
  ] as const
) {
  Deno.test(`the grain ${grain} of Salt gets the hint ${comparison}, which can be read`, () => {
    const error = refusalOf(`G@${grain}`);

    assertEquals(error.split("; write ")[1], comparison);
    parseTargets([comparison]);
  });
}

for (
  const [expression, ...written] of [
    ["L@web-1,web-2", "web-1,web-2"],
    ["L@", "web-1,web-2"],
    ["N@web", "@web"],
    ["N@all", '@"all"'],
    ["N@connected", '@"connected"'],
    ["N@", "@web"],
    ["S@10.0.0.0/8", "@group", "FACT=VALUE"],
    ["web-* && @new", "web-* & @new"],
    ["=debian", "FACT=VALUE", "os.name=debian"],
    ["a, =b", "FACT=VALUE", "os.name=debian"],
    ["web* =debian", "FACT=VALUE", "os.name=debian"],
    ["@a^@b", "(A ! B), (B ! A)"],
    ["a,,b", "@group", "FACT=VALUE"],
    ["", "@group", "FACT=VALUE"],
  ] as const
) {
  Deno.test(`the hint for ${JSON.stringify(expression)} has ${written.join(" and ")}, which can be read`, () => {
    const error = refusalOf(expression);

    for (const each of written) {
      assertStringIncludes(error, each);
      parseTargets([each]);
    }
  });
}

for (
  const [expression, way, better] of [
    ["web:db", "write a comma or the word or", ["web,db", "web or db"]],
    ["web|db", "write a comma or the word or", ["web,db", "web or db"]],
    ["a, :b", "write a comma or the word or", ["a, b", "a or b"]],
    ["web:&db", "write & or and", ["web & db", "web and db"]],
    ["web:!db", "write ! or not", ["web ! db", "web not db"]],
    ["-web", "write ! or not for a difference", ["all ! web", "all not web"]],
    ["web AND db", "write and", ["web and db"]],
    ["web OR db", "write or", ["web or db"]],
    ["web NOT db", "write not", ["web not db"]],
    ["web @db", "write a comma, & or !", [
      "web, @db",
      "web & @db",
      "web ! @db",
    ]],
    ["a (b)", "write a comma, & or !", ["a, (b)", "a & (b)", "a ! (b)"]],
    [
      "web-1 web-2",
      "write a comma for both, & for what both mean, or ! for a difference",
      ["web-1, web-2", "web-1 & web-2", "web-1 ! web-2"],
    ],
    ["~web", "write a glob, with * for any text", ["*web*"]],
    ["E@web", "write a glob, with * for any text", ["web*"]],
    ["/web.*/", "and ? for one character", ["web?"]],
    ["^web$", "write a glob, with * for any text", ["web*"]],
    [".*", "write a glob, with * for any text", ["*"]],
    ["web+", "write a glob, with * for any text", ["web*"]],
    ["%web", "write the expression itself", ["@web"]],
  ] as const
) {
  Deno.test(`the hint for ${expression} leads to what can be read`, () => {
    assertStringIncludes(refusalOf(expression), way);
    for (const each of better) parseTargets([each]);
  });
}

/** Error for an expression. */
function refusalOf(expression: string): string {
  return assertThrows(() => parseTargets([expression]), PiriError).message;
}
