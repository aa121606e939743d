import { connectDatagram } from "../../lib/service/datagram.ts";

// Connects first, gives up the permission, and sends then.
const socket = connectDatagram(Deno.args[0] ?? "");
Deno.permissions.revokeSync({ name: "ffi" });
Deno.exit(socket?.send("READY=1") === true ? 0 : 1);
