/**
 * Clients of a NATS server, each of which answers the requests to its subject. Its arguments are those of the server:
 * certificate, name and port; the number of clients, and the bytes of a request and of an answer.
 *
 * @module
 */
import { answerLines } from "./child.ts";
import { ANSWER_BYTE } from "./nats_bus.ts";
import { connectNats } from "./nats_connection.ts";
import { PARALLEL_DIALS } from "./pair.ts";
import { inParallel } from "./parallel.ts";

const [caFile = "", serverName = "", port = "", ...numbers] = Deno.args;
const [clients = 0, sent = 0, returned = 0] = numbers.map(Number);
const caPem = await Deno.readTextFile(caFile);
const answer = new Uint8Array(returned).fill(ANSWER_BYTE);
await answerLines({ connect });
Deno.exit(0);

/** Connects the clients. Resolves once the server knows all their subscriptions. */
async function connect(): Promise<number> {
  const numbers = Array.from({ length: clients }, (_, number) => number);
  await inParallel(numbers, PARALLEL_DIALS, async (number) => {
    const address = { port: Number(port), serverName, caPem };
    const client = await connectNats(address);
    client.subscribe(`agent.${number}`, {
      callback: (_error, message) => {
        // A wrong request gets no answer, which its sender notices.
        if (message.data.length === sent) message.respond(answer);
      },
    });
    await client.flush();
  });
  return clients;
}
