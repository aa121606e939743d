import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../../../lib/base/errors.ts";
import { packText, unpackText } from "../../../lib/base/packed_text.ts";
import { systemRandom as random } from "../../../lib/base/random.ts";
import { sha256 } from "../../../lib/base/sha256.ts";
import { newSigningKey } from "../../../lib/base/signing_key.ts";
import {
  createAuthority,
  issueServerCertificate,
  newServerName,
} from "../../../lib/manager/state/authority.ts";
import {
  decodeState,
  encodeState,
  type ExportedState,
} from "../../../lib/manager/state/state_text.ts";
import type { StoredAgent } from "../../../lib/store/identity.ts";

const now = Date.now();
const ca = await createAuthority({ now, random });
const { certPem, keyPem } = await issueServerCertificate(ca, {
  now,
  random,
  serverName: newServerName(random),
  names: ["localhost", "mgr.example.org"],
});

/** Key of an agent, or the hash of its secret if it has none. */
function proofOf(
  index: number,
): Pick<StoredAgent, "secretHash" | "publicKey"> {
  const bytes = random.bytes(32);
  return [
    { publicKey: null, secretHash: bytes },
    { publicKey: bytes, secretHash: sha256(bytes) },
  ][index % 2] ?? { publicKey: null, secretHash: null };
}

/** Agent as one that has run for a while. */
function agentOf(index: number): StoredAgent {
  const name = `web-${String(index).padStart(4, "0")}`;
  return {
    id: `${name}.example.org`,
    groups: [["web"], ["db", "eu"]][index % 2] ?? [],
    cidrs: [],
    addedAt: now - index * 61_234,
    ...proofOf(index),
    nextKey: null,
    trust: null,
    instance: encodeHex(random.bytes(16)),
    session: BigInt(index % 50 + 1),
    lastCommandId: BigInt(1_000 + index % 300),
    lastSentId: BigInt(1_000 + index % 300),
    facts: {
      hostname: name,
      os: "linux",
      "os.name": "debian",
      "os.version": ["11", "12"][index % 2] ?? "",
      kernel: ["5.10.0-28-amd64", "6.1.0-18-amd64"][index % 2] ?? "",
      release: ["5.10.0-28-amd64", "6.1.0-18-amd64"][index % 2] ?? "",
      arch: "x64",
      cpus: String(2 ** (index % 4)),
      memory_mb: String(1_972 * 2 ** (index % 5) - index % 11),
      virtual: "kvm",
    },
    setFacts: {},
    retired: false,
    revokedAt: null,
  };
}

/** State of a Manager with these agents. */
function stateOf(agents: readonly StoredAgent[]): ExportedState {
  return {
    ca,
    server: { certPem, keyPem },
    listen: { host: "0.0.0.0", port: 7051 },
    advertise: { host: "mgr.example.org", port: 7051 },
    identity: {
      managerId: "0123456789abcdef0123456789abcdef",
      createdAt: now,
      lastCommandId: 2n ** 60n,
      agents,
      tombstones: [],
      aliases: [],
      revokedKeys: [{
        hash: sha256(new Uint8Array([7])),
        agent: "db-1",
        revokedAt: now,
      }],
    },
  };
}

/** Length of the text of a state with this number of agents. */
function lengthOf(count: number): number {
  return encodeState(
    stateOf(Array.from({ length: count }, (_, index) => agentOf(index))),
  ).length;
}

Deno.test("a state reads back the same, with agents of every kind", () => {
  const state: ExportedState = {
    ...stateOf([
      agentOf(1),
      {
        ...agentOf(3),
        nextKey: new Uint8Array(32).fill(3),
        trust: ["ab".repeat(32)],
      },
      {
        ...agentOf(2),
        secretHash: null,
        instance: null,
        session: 2n ** 64n - 1n,
        cidrs: ["192.0.2.0/24"],
        setFacts: { role: "größer" },
        retired: true,
        revokedAt: now,
      },
    ]),
    managerKeyPem: newSigningKey(random),
    listen: { host: "::", port: 0 },
  };
  const tombstones = [
    { agent: "old-1", secretHash: random.bytes(32), removedAt: 12 },
  ];
  const aliases = [{ name: "web-9", agent: "web-1" }];
  const full = {
    ...state,
    identity: { ...state.identity, tombstones, aliases },
  };

  assertEquals(decodeState(encodeState(full)), full);
});

for (
  const [place, bytes, count] of [
    ["a variable of GitLab", 10_000, 90],
    ["a secret of GitHub", 48 * 1_024, 600],
    ["an environment variable", 131_072 - "PIRI_STATE=".length - 1, 1_600],
  ] as const
) {
  Deno.test(`the text of a state with ${count} agents fits into ${place}, as the documentation says`, () => {
    const length = lengthOf(count);

    assert(length <= bytes, `it has ${length} bytes`);
    assert(length > bytes * 0.85, `more agents fit: ${length} bytes`);
  });
}

Deno.test("a state whose content is damaged is refused, and no key is repeated", () => {
  const kind = {
    name: "x",
    prefix: "piristate",
    version: 1,
    mostBytes: 1_000_000,
  };
  const text = new TextDecoder()
    .decode(unpackText(kind, encodeState(stateOf([agentOf(1)]))));
  const refusals = ([
    [text, "["],
    ["-----BEGIN PRIVATE KEY-----", "-----BEGIN NOTHING-----"],
    ['"listen":"0.0.0.0:7051"', '"listen":"0.0.0.0:x"'],
    ['"retired":[false]', '"retired":[]'],
    ['"id":["web-0001.example.org"]', '"id":["../x"]'],
    ['"lastCommandId":["1001"]', '"lastCommandId":["-1"]'],
  ] as const).map(([from, to]) => {
    const damaged = packText(
      kind,
      new TextEncoder().encode(text.replace(from, to)),
    );
    return assertThrows(() => decodeState(damaged), PiriError).message;
  });

  assertEquals(refusals, [
    "Cannot read the state text: what it holds is not JSON",
    "Cannot read the state text: its ca.keyPem is wrong",
    "Cannot read the state text: its listen is wrong",
    "Cannot read the state text: its agents are incomplete",
    "Cannot read the state text: its agents.id.0 is wrong",
    "Cannot read the state text: its agents.lastCommandId.0 is wrong",
  ]);
});
