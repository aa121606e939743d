// Sets the limits of its process to those in its first argument, as JSON, and starts a shell that prints its own.
import { setResourceLimits } from "../../lib/operations/resource_limits.ts";

const [wanted = "{}", process1] = Deno.args;
const low = setResourceLimits(JSON.parse(wanted), process1);
const { stdout } = await new Deno.Command("/bin/cat", {
  args: ["/proc/self/limits"],
}).output();
await Deno.stdout.write(
  new TextEncoder().encode(`${new TextDecoder().decode(stdout)}low: ${low}\n`),
);
