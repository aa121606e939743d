// Dials a Manager as an agent does, and prints how that ended: PORT SERVER_NAME CA_FILE.
import { systemClock } from "../../lib/base/clock.ts";
import { codeOf } from "../../lib/base/errors.ts";
import { dialTls } from "../../lib/wire/tls.ts";

const [port, serverName = "", caFile = ""] = Deno.args;
const end = await dialTls({
  hostname: "127.0.0.1",
  port: Number(port),
  serverName,
  caPem: await Deno.readTextFile(caFile),
  clock: systemClock,
}).then((transport) => {
  transport.close();
  return "connected";
}, codeOf);
await Deno.stdout.write(new TextEncoder().encode(end));
