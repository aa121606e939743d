import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { compareSettings } from "../../../lib/base/reload.ts";
import {
  MANAGER_SETTINGS,
  type ManagerConfig,
  newConfigText,
  parseManagerConfig,
} from "../../../lib/manager/state/config.ts";

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
