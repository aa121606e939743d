/**
 * Prints who this process is to the Manager of a login.
 *
 * @module
 */
import { connectControl } from "../../lib/api/client.ts";

const [dir = ""] = Deno.args;
using control = await connectControl(dir);
const { name } = await control.logins.whoAmI({});
await Deno.stdout.write(new TextEncoder().encode(`${name}\n`));
