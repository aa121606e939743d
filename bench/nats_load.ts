/**
 * Clients of a NATS server, each of which answers what is sent to its subject. Its arguments are those of the server:
 * certificate, name and port; how many clients, and the bytes of a request and of an answer.
 *
 * @module
 */
import { answerLines } from "./child.ts";
import { ANSWER_BYTE } from "./nats_bus.ts";
import { NatsClient } from "./nats_client.ts";
import { PARALLEL_DIALS } from "./pair.ts";
import { inParallel } from "./parallel.ts";

const [caFile = "", serverName = "", port = "", ...numbers] = Deno.args;
const [clients = 0, sent = 0, returned = 0] = numbers.map(Number);
const caPem = await Deno.readTextFile(caFile);
const answer = new Uint8Array(returned).fill(ANSWER_BYTE);
await answerLines({ connect });
Deno.exit(0);

/** Resolves once the server knows what each of them is to be sent. */
async function connect(): Promise<number> {
  const numbers = Array.from({ length: clients }, (_, number) => number);
  await inParallel(numbers, PARALLEL_DIALS, async (number) => {
    const address = { port: Number(port), serverName, caPem };
    const client = await NatsClient.connect(address);
    client.onMessage = ({ reply, payload }) => {
      // What is wrong is not answered, and so noticed.
      if (payload.length === sent) client.publish(reply, answer);
    };
    client.subscribe(`agent.${number}`);
    await client.flush();
  });
  return clients;
}
