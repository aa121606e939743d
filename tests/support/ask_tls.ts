/**
 * Prints who this process is to the Manager of a login.
 *
 * @module
 */
import { connectControl } from "../../lib/api/client.ts";

const [dir = ""] = Deno.args;
using control = await connectControl(dir);
console.log((await control.logins.whoAmI({})).name);
