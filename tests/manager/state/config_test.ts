import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { compareSettings } from "../../../lib/base/reload.ts";
import {
  MANAGER_SETTINGS,
  type ManagerConfig,
  newConfigText,
  parseManagerConfig,
} from "../../../lib/manager/state/config.ts";
import { TEST_KEY_LINE } from "../../support/signed_release.ts";

const listen = { host: "::", port: 7051 };
const advertise = { host: "mgr.example.org", port: 7051 };

const defaults: ManagerConfig = {
  listen,
  advertise,
  retention: { ms: 30 * 86_400_000, outputBytes: 2 ** 30 },
  outputBytesPerCommand: 64 * 2 ** 20,
  blobBytes: 10 * 2 ** 30,
  pingIntervalMs: 15_000,
  log: { level: "info", format: "text" },
};

const addresses = `listen: "[::]:7051"\nadvertise: mgr.example.org:7051\n`;

Deno.test("a new configuration shows the defaults", async () => {
  const text = newConfigText({ listen, advertise });
  assertEquals(await parseManagerConfig(text, "config.yaml"), defaults);
  assertEquals(await parseManagerConfig(addresses, "config.yaml"), defaults);
});

Deno.test("the addresses of a Manager may have the scheme tls", async () => {
  const text =
    `listen: "tls://[::]:7051"\nadvertise: tls://mgr.example.org:7051\n`;
  assertEquals(await parseManagerConfig(text, "config.yaml"), defaults);
});

Deno.test("every setting can be set", async () => {
  const text = `
listen: 127.0.0.1:0
advertise: "[2001:db8::1]:80"
retention: { days: 7, outputBytes: 10GiB }
outputBytesPerCommand: 1MiB
blobBytes: 2GiB
pingIntervalMs: 2s
log: { level: debug, format: json }
`;
  assertEquals(await parseManagerConfig(text, "config.yaml"), {
    listen: { host: "127.0.0.1", port: 0 },
    advertise: { host: "2001:db8::1", port: 80 },
    retention: { ms: 7 * 86_400_000, outputBytes: 10 * 2 ** 30 },
    outputBytesPerCommand: 2 ** 20,
    blobBytes: 2 * 2 ** 30,
    pingIntervalMs: 2_000,
    log: { level: "debug", format: "json" },
  });
});

Deno.test("every setting that differs is found by its name, and sockets wait for a start", async () => {
  const text = `
listen: 127.0.0.1:0
advertise: "[2001:db8::1]:80"
retention: { days: 7, outputBytes: 10GiB }
outputBytesPerCommand: 1MiB
blobBytes: 2GiB
pingIntervalMs: 2s
guard: {}
updateKeys: [${TEST_KEY_LINE}]
webhooks: [{ url: "https://hooks.example.org/piri" }]
drift: [{ agents: all, every: 1h }]
control: 0.0.0.0:7052
controlAdvertise: mgr.example.org:443
log: { level: debug, format: json }
`;
  const found = await parseManagerConfig(text, "config.yaml");

  assertEquals(compareSettings(MANAGER_SETTINGS, defaults, found), {
    changed: [
      "advertise",
      "retention.days",
      "retention.outputBytes",
      "outputBytesPerCommand",
      "blobBytes",
      "pingIntervalMs",
      "updateKeys",
      "webhooks",
      "drift",
      "log.level",
      "log.format",
    ],
    later: ["listen", "control", "controlAdvertise", "guard"],
  });
  // A setting without a row would change in silence, or not at all.
  assertEquals(
    new Set(Object.keys(MANAGER_SETTINGS).map((name) => name.split(".")[0])),
    new Set(Object.keys(found)),
  );
});

Deno.test("a mistake in config.yaml is reported with its line and the nearest key", async () => {
  const wrong: [text: string, reason: string][] = [
    ["listen: 0.0.0.0:7051\n", `"advertise" is missing`],
    [
      `${addresses}retension: { days: 1 }\n`,
      `line 3: "retension" is not a setting; did you mean "retention"?`,
    ],
    [
      `${addresses}retention:\n  outputbytes: 1\n`,
      `line 4: "retention.outputbytes" is not a setting; did you mean "outputBytes"?`,
    ],
    [
      "listen: a\nadvertise: 0.0.0.0:1\n",
      `line 2: "advertise" is wrong: agents cannot dial 0.0.0.0; use a name or an address of this host`,
    ],
    [
      "listen: ws://a:1\nadvertise: a\n",
      `line 1: "listen" is wrong: "ws" is not a known scheme; known schemes: tls`,
    ],
    [
      "listen: a\nadvertise: wss://a\n",
      `line 2: "advertise" is wrong: "wss" is not a known scheme; known schemes: tls`,
    ],
    [
      "listen: a\nadvertise: tls://0.0.0.0:1\n",
      `line 2: "advertise" is wrong: agents cannot dial 0.0.0.0; use a name or an address of this host`,
    ],
    [
      "listen: 7051\nadvertise: a\n",
      `line 1: "listen" is wrong: it should be text in quotes`,
    ],
    [
      `${addresses}pingIntervalMs: 60000\n`,
      `line 3: "pingIntervalMs" is wrong: it should be from 1s to 15s`,
    ],
    [
      `${addresses}log:\n  level: loud\n`,
      `line 4: "log.level" is wrong: it should be one of trace, debug, info, warning, error, fatal`,
    ],
  ];
  for (const [text, reason] of wrong) {
    const error = await assertRejects(
      () => parseManagerConfig(text, "/x/config.yaml"),
      PiriError,
    );
    assertEquals(error.message, `Cannot read "/x/config.yaml": ${reason}`);
    assertEquals(error.code, "INVALID_ARGUMENT");
  }
});

Deno.test("webhooks have an URL, and the rest by default", async () => {
  const secret = `whsec_${btoa("a".repeat(32))}`;
  const text = `${addresses}webhooks:
  - url: https://hooks.example.org
  - url: http://localhost:8080/piri
    events: [agent.away]
    secret: ${secret}
    awayAfter: 1h
    caFile: /etc/ssl/own.pem
`;
  const { webhooks } = await parseManagerConfig(text, "config.yaml");

  assertEquals(webhooks, [
    {
      url: "https://hooks.example.org/",
      events: [
        "job.ended",
        "agent.away",
        "drift.found",
        "drift.heal_failed",
        "drift.gone",
      ],
      awayAfter: 600_000,
    },
    {
      url: "http://localhost:8080/piri",
      events: ["agent.away"],
      secret: new TextEncoder().encode("a".repeat(32)),
      awayAfter: 3_600_000,
      caFile: "/etc/ssl/own.pem",
    },
  ]);
});

Deno.test("a mistake in a webhook is reported with its line", async () => {
  const url = "url: https://a.example";
  const wrong: [webhook: string, reason: string][] = [
    ["url: hooks", "it should be one, as https://hooks.example.org/piri"],
    ["url: ftp://a.example", "it should begin with https://"],
    [
      "url: http://a.example",
      "it should begin with https://; http:// is for this machine only, as http://127.0.0.1:8080",
    ],
    [
      "url: http://localhost.example",
      "it should begin with https://; http:// is for this machine only, as http://127.0.0.1:8080",
    ],
    [
      "url: https://ann:pw@a.example",
      "it should have no user and no password; use a secret",
    ],
    ["url: https://a.example#x", 'it should have no "#"'],
    [
      `{ ${url}, events: [job.began] }`,
      "it should be one of job.ended, agent.away, drift.found, drift.heal_failed, drift.gone",
    ],
    [
      `{ ${url}, secret: abc }`,
      "it should be whsec_ and 24 to 64 bytes as base64",
    ],
    [
      `{ ${url}, secret: whsec_YWJj }`,
      "it should be whsec_ and 24 to 64 bytes as base64",
    ],
    [`{ ${url}, awayAfter: 1s }`, "it should be from 10s to 365d"],
    [`{ ${url}, caFile: own.pem }`, "it should be an absolute path"],
    [
      `{ ${url}, event: [] }`,
      '"webhooks 1.event" is not a setting; did you mean "events"?',
    ],
    [`${url}\n  - ${url}`, "it should not have one URL twice"],
  ];
  for (const [webhook, reason] of wrong) {
    const { message } = await assertRejects(
      () =>
        parseManagerConfig(`${addresses}webhooks:\n  - ${webhook}\n`, "x.yaml"),
      PiriError,
    );
    assertEquals(message.endsWith(reason), true, message);
    assertEquals(/line [34]: /.test(message), true, message);
  }
});
