import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { defaultStateFolder, type Host } from "../../lib/base/paths.ts";

function host(
  os: Host["os"],
  privileged: boolean,
  env: Record<string, string> = {},
): Host {
  return { os, privileged, env: (name) => env[name] };
}

Deno.test("root's state is in /var/lib, whatever its environment says", () => {
  const env = { HOME: "/root", XDG_STATE_HOME: "/x" };
  assertEquals(
    defaultStateFolder("piri-manager", host("linux", true, env)),
    "/var/lib/piri-manager",
  );
  assertEquals(
    defaultStateFolder("piri-agent", host("darwin", true, env)),
    "/var/lib/piri-agent",
  );
});

Deno.test("a user's state is in XDG_STATE_HOME, or in .local/state at home", () => {
  assertEquals(
    defaultStateFolder(
      "piri-agent",
      host("linux", false, { HOME: "/home/me", XDG_STATE_HOME: "/state" }),
    ),
    "/state/piri-agent",
  );
  assertEquals(
    defaultStateFolder(
      "piri-agent",
      host("linux", false, { HOME: "/home/me", XDG_STATE_HOME: "relative" }),
    ),
    "/home/me/.local/state/piri-agent",
  );
});

Deno.test("a user without a home is told to use --dir", () => {
  assertThrows(
    () => defaultStateFolder("piri-agent", host("linux", false)),
    PiriError,
    "neither XDG_STATE_HOME nor HOME is set; use --dir",
  );
});

Deno.test("a service's state on Windows is in ProgramData, a user's in LocalAppData", () => {
  const env = {
    ProgramData: "C:\\ProgramData",
    LOCALAPPDATA: "C:\\Users\\me\\AppData\\Local",
  };
  assertEquals(
    defaultStateFolder("piri-agent", host("windows", true, env)),
    "C:\\ProgramData\\piri-agent",
  );
  assertEquals(
    defaultStateFolder("piri-agent", host("windows", false, env)),
    "C:\\Users\\me\\AppData\\Local\\piri-agent",
  );
});
