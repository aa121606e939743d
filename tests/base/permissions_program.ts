/**
 * Gives up permissions, and prints what this program and its threads may still do.
 *
 * @module
 */
import { giveUpPermissions } from "../../lib/base/permissions.ts";

const TRY = `
  let run = "allowed", ffi = "allowed", net = "allowed";
  try { new Deno.Command(Deno.execPath(), { args: ["--version"] }).outputSync(); } catch (error) { run = error.name; }
  try { Deno.dlopen("/no/such/library", {}); } catch (error) { ffi = error.name; }
  try { Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(); } catch (error) { net = error.name; }
`;
const THREAD =
  `onmessage = () => {${TRY} postMessage([run, ffi, net].join()); };`;

function startThread(): Worker {
  return new Worker(
    `data:application/javascript,${encodeURIComponent(THREAD)}`,
    {
      type: "module",
    },
  );
}

async function ask(thread: Worker): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  thread.onmessage = ({ data }) => resolve(data);
  thread.postMessage("");
  const answer = await promise;
  thread.terminate();
  return answer;
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const earlier = startThread();
giveUpPermissions();
const here = new Function(`${TRY} return [run, ffi, net].join();`);
say(`here ${here()}`);
say(`earlier thread ${await ask(earlier)}`);
say(`later thread ${await ask(startThread())}`);
