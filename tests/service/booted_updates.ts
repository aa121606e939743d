import { assertEquals, assertMatch } from "@std/assert";
import { build } from "../../scripts/build/build.ts";
import { agent } from "../../scripts/build/product.ts";
import { hostTarget } from "../../scripts/build/target.ts";
import { makeReleaseOf } from "../support/release_folder.ts";
import { TEST_KEY_LINE } from "../support/signed_release.ts";
import { TempFolder } from "../support/temp_folder.ts";
import type { BootedHost } from "./booted_host.ts";

const GOOD = "0.98.0";
const BAD = "0.99.0";

/** A program that passes for an agent until it runs. */
const THROWS = `#!/bin/sh
case "$1" in
--version) echo "piri-agent ${BAD}" ;;
run) echo "TypeError: it does not work" >&2; exit 1 ;;
esac
`;

/**
 * Updates a host to a version that works, and to one that does not. `reload` are lines that let both programs read their
 * settings.
 */
export async function checkUpdates(
  host: BootedHost,
  reload: readonly string[],
): Promise<void> {
  await using folder = await TempFolder.make();
  await build([agent], {
    targets: [hostTarget()],
    denort: "auto",
    out: folder.at(GOOD),
    stamps: { version: GOOD },
    nameOf: () => "program",
    say: () => {},
  });
  await folder.write(`${BAD}/program`, THROWS);
  for (const version of [GOOD, BAD]) {
    await makeReleaseOf(folder.at(version), {
      version,
      target: hostTarget().name,
    });
  }
  await host.put(folder.path, "/root/releases");
  await host.must(
    `printf 'updateKeys: [${TEST_KEY_LINE}]\\n' | tee -a /var/lib/piri-manager/config.yaml >> /var/lib/piri-agent/agent.yaml`,
    ...reload,
    `piri-manager release add /root/releases/${GOOD}`,
    `piri-manager release add /root/releases/${BAD}`,
    `piri-manager update web-1 --to ${GOOD} --confirm 3s`,
  );
  const { code, stderr } = await host.sh(
    `piri-manager update web-1 --to ${BAD} --confirm 3s`,
  );

  assertEquals(code, 1);
  assertMatch(
    stderr,
    /version 0\.99\.0 was given up, and 0\.98\.0 runs again: it was started 3 times/,
  );
  assertMatch(stderr, /TypeError: it does not work/);
  assertMatch(
    await host.must("piri-manager agents"),
    /web-1 +connected .* 0\.98\.0 /,
  );
}
