import { assertEquals } from "@std/assert";
import { hashSecret } from "../../../lib/base/secret.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

Deno.test("an agent that joins is an entry of the audit, once, and a wrong token is none", async () => {
  await using manager = await MemoryManager.start();
  await manager.knows("web-1");
  const use = {
    tokenHash: hashSecret("token"),
    secretHash: hashSecret("secret of web-1"),
    at: manager.clock.now(),
  };
  await manager.store.enrolAgent("web-1", use);
  await manager.store.enrolAgent("web-1", {
    ...use,
    tokenHash: hashSecret("another"),
  }).catch(() => {});

  const entries = await manager.audit.list({ limit: 10 });
  assertEquals(
    entries.map(({ act, who, credential, target, outcome }) =>
      [act, who, credential, target, outcome].join("|")
    ),
    ["Join||join token|web-1|joined"],
  );
});
