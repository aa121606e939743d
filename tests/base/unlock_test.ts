import { assertEquals } from "@std/assert";
import { unlockAndClose } from "../../lib/base/unlock.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Starts programs for as long as it lives. Until each has begun, it has the files of this process. */
const STARTS_PROGRAMS = `
  postMessage("begun");
  for (;;) await new Deno.Command("/bin/true").output();
`;

Deno.test("a lock is free at once, also while another thread starts programs", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await TempFolder.make();
  const path = folder.at("lock");
  const url = URL.createObjectURL(
    new Blob([STARTS_PROGRAMS], { type: "text/javascript" }),
  );
  const worker = new Worker(url, { type: "module" });
  let held = 0;
  try {
    await new Promise((resolve) => worker.onmessage = resolve);
    for (let time = 0; time < 2_000; time++) {
      const file = await Deno.open(path, { write: true, create: true });
      if (!await file.tryLock(true)) held++;
      unlockAndClose(file);
    }
  } finally {
    worker.terminate();
    URL.revokeObjectURL(url);
  }

  assertEquals(held, 0);
});
