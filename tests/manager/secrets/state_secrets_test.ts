import { assertEquals } from "@std/assert";
import { Sealed } from "../../../lib/base/sealed.ts";
import { secretMac } from "../../../lib/manager/secrets/secret_mac.ts";
import { stateSecrets } from "../../../lib/manager/secrets/state_secrets.ts";

const AGENT = {
  id: "web-1",
  groups: ["web"],
  setFacts: { site: "a" },
  connected: true,
};

function secretsOf(
  stored: Readonly<Record<string, [value: string, forTargets: string]>>,
) {
  return stateSecrets({
    of: () =>
      Promise.resolve(
        new Map(
          Object.entries(stored).map(([name, [value, forTargets]]) => [
            name,
            { value: new Sealed(value), forTargets },
          ]),
        ),
      ),
    macOf: (name, value) => Promise.resolve(secretMac("key", name, value)),
  }, AGENT);
}

Deno.test("states of an agent can use the secrets of its layers, unless they are for others or too short", async () => {
  const secrets = await secretsOf({
    own: ["hunter22", ""],
    mine: ["hunter22", "@web"],
    fact: ["hunter22", "site=a"],
    others: ["hunter22", "@db"],
    short: ["abcde", ""],
    empty: ["", ""],
    least: ["äöü", ""],
  });

  const refused = [...secrets].flatMap(([name, secret]) =>
    typeof secret === "string" ? [] : [[name, secret.refusal]]
  );
  assertEquals(refused, [
    [
      "others",
      'the secret "others" is not for this agent',
    ],
    [
      "short",
      'Cannot take the secret "short": it has 5 bytes, and the least is 6, as a shorter one cannot be masked in output',
    ],
    [
      "empty",
      'Cannot take the secret "empty": it has 0 bytes, and the least is 6, as a shorter one cannot be masked in output',
    ],
  ]);
});

Deno.test("the keyed hash of a secret differs by its name, its value and the key", () => {
  const hashes = [
    secretMac("key", "a", new Sealed("hunter22")),
    secretMac("key", "b", new Sealed("hunter22")),
    secretMac("key", "a", new Sealed("hunter23")),
    secretMac("other", "a", new Sealed("hunter22")),
  ];

  assertEquals(new Set(hashes).size, 4);
  assertEquals(secretMac("key", "a", new Sealed("hunter22")), hashes[0]);
});
